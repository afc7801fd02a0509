// Metrics of trained prompts on a data set, as `eval` and `demo` need them.
import type { Dataset, Sample } from '../data/dataset.ts';
import { resizeMap } from '../data/heatmap.ts';
import {
  type EvalSample,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  formatTable,
  METRICS,
  type MetricName,
  withDefects,
} from '../eval/index.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { ScoreError } from '../model/faprompt/verdict.ts';
import type { Scorer } from '../model/scorer.ts';
import type { FeatureSource } from '../train/features/source.ts';
import { loadMask } from '../train/images.node.ts';
import { isImageProblem, resizeMask } from '../train/images.ts';
import type { ImageProblem } from '../train/source.ts';
import { detectWith } from './detection.ts';
import type { ClassScorers } from './scorers.ts';

/** The metrics of the paper's tables. */
export const paperMetrics: readonly MetricName[] = ['imageAuroc', 'imageAp', 'pixelAuroc', 'pro'];

export interface EvaluationCallbacks {
  problem(problem: ImageProblem): void;
  /** Every image that was evaluated; maps and masks are at the CLIP's image size. */
  sample?(sample: Sample, found: EvalSample): void;
}

export type EvalFound = { readonly item: Sample } & ({ readonly sample: EvalSample } | ImageProblem);

export interface EvaluationSetup {
  readonly gpu: Gpu;
  readonly features: FeatureSource;
  /** Side of the maps in pixels. */
  readonly size: number;
}

/**
 * What a scorer says of images, with their labels; maps and masks at the CLIP's image size. An image that cannot be read
 * yields its problem.
 * @throws ScoreError: figures over the rest would hide that the model is broken
 */
export async function* evalSamples(
  { gpu, features, size }: EvaluationSetup,
  scorer: Scorer,
  samples: readonly Sample[],
): AsyncGenerator<EvalFound> {
  for await (const found of detectWith(scorer, features).detect(samples, ({ image }) => image)) {
    const { item } = found;
    if ('problem' in found) {
      if (found.problem instanceof ScoreError) throw found.problem;
      yield { item, file: found.file, problem: found.problem };
      continue;
    }
    let mask: Uint8Array | null;
    try {
      const read = await loadMask(item, found, features.observed);
      mask = read ? await resizeMask(gpu, read, size) : null;
    } catch (error) {
      if (!isImageProblem(error)) throw error;
      yield { item, file: error.file, problem: error };
      continue;
    }
    const { anomaly: anomalous, defect } = item;
    const { values: map } = resizeMap(found.map, size, size); // of tiles it has the image's aspect
    yield { item, sample: { anomalous, defect, score: found.score, width: size, height: size, map, mask } };
  }
}

/** Maps and masks are compared at the CLIP's image size, as the published code does. */
export async function evaluateScorers(
  { scorers, ...setup }: EvaluationSetup & { readonly scorers: ClassScorers },
  dataset: Dataset,
  { problem, sample: onSample }: EvaluationCallbacks,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  async function* samplesOf(className: string): AsyncGenerator<EvalSample> {
    const samples = dataset.samples.filter((sample) => sample.className === className);
    for await (const found of evalSamples(setup, await scorers.of(className), samples)) {
      if ('problem' in found) {
        problem(found);
        continue;
      }
      onSample?.(found.item, found.sample);
      yield found.sample;
    }
  }
  return evaluate(
    dataset.classes.map((name) => ({ name, samples: samplesOf(name) })),
    options,
  );
}

/** Metrics per class, with `defects` also per kind of defect, and their mean; with `all` more than the paper's. */
export const evaluationTable = (
  { classes, mean }: Evaluation,
  { defects = false, all = false }: { defects?: boolean | undefined; all?: boolean | undefined } = {},
): string => formatTable([...(defects ? withDefects(classes) : classes), mean], all ? METRICS : paperMetrics);
