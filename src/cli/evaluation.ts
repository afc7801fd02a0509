// Metrics of trained or hand-written prompts on a data set.
import type { Dataset, Sample } from '../data/dataset.ts';
import {
  type EvalSample,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  formatTable,
  type MetricName,
  withDefects,
} from '../eval/index.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { Prompts } from '../model/faprompt/prompts-file.ts';
import type { FeatureSource } from '../train/features/features.node.ts';
import { isImageProblem, loadMask } from '../train/images.node.ts';
import type { ImageProblem } from '../train/source.ts';
import { detectImages } from './detection.ts';
import { promptScorers, type Scorers } from './scorers.ts';
import type { ClipSession } from './session.ts';

/** The metrics of the paper's tables. */
export const paperMetrics: readonly MetricName[] = ['imageAuroc', 'imageAp', 'pixelAuroc', 'pro'];

export interface EvaluationCallbacks {
  problem(problem: ImageProblem): void;
  /** Every image that was evaluated; maps and masks are at the CLIP's image size. */
  sample?(sample: Sample, found: EvalSample): void;
}

/** Metrics of trained prompts. */
export async function evaluatePrompts(
  session: ClipSession,
  prompts: Prompts,
  features: FeatureSource,
  dataset: Dataset,
  callbacks: EvaluationCallbacks,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const scorers = await promptScorers(session, prompts);
  try {
    return await evaluateScorers(session.gpu, scorers, features, dataset, callbacks, options);
  } finally {
    scorers.dispose();
  }
}

/** Maps and masks are compared at the CLIP's image size, as the published code does. */
export function evaluateScorers(
  gpu: Gpu,
  scorers: Scorers,
  features: FeatureSource,
  dataset: Dataset,
  { problem, sample: onSample }: EvaluationCallbacks,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { size } = scorers;
  async function* samplesOf(className: string): AsyncGenerator<EvalSample> {
    const samples = dataset.samples.filter((sample) => sample.className === className);
    const scorer = await scorers.of(className);
    for await (const found of detectImages(scorer, features, samples, ({ image }) => image)) {
      if ('problem' in found) {
        problem(found);
        continue;
      }
      const { item, detection } = found;
      try {
        const mask = (await loadMask(gpu, item, found, size)) ?? null;
        const sample = {
          anomalous: item.anomaly,
          defect: item.defect,
          score: detection.score,
          width: size,
          height: size,
          map: detection.map,
          mask,
        };
        onSample?.(item, sample);
        yield sample;
      } catch (error) {
        if (!isImageProblem(error)) throw error;
        problem({ file: error.file, problem: error });
      }
    }
  }
  return evaluate(
    dataset.classes.map((name) => ({ name, samples: samplesOf(name) })),
    options,
  );
}

/** The paper's metrics per class, with `defects` also per kind of defect, and their mean. */
export const evaluationTable = ({ classes, mean }: Evaluation, defects = false): string =>
  formatTable([...(defects ? withDefects(classes) : classes), mean], paperMetrics);
