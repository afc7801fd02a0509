import { compile } from '../../graph/executor.ts';
import { affine } from '../../kernels/elementwise/elementwise.ts';
import type { Features } from '../clip/image-encoder.ts';
import type { ScorerTarget } from '../scorer.ts';
import { forwardOfOne } from './one-image.ts';
import type { FapromptOptions } from './options.ts';

export interface PromptEmbeddings {
  /** Unit vector of the normal prompt: [E]. */
  readonly normal: Float32Array;
  /** Unit vectors of the K abnormality prompts without a prior: K of [E]. */
  readonly abnormal: readonly Float32Array[];
}

export interface PromptEmbedder extends PromptEmbeddings {
  /** Those of one image, with its prior; undefined for prompts without a prior. */
  readonly adapt?: (features: Features) => Promise<Float32Array[]>;
  dispose(): void;
}

/** @param size side of the images that priors are made of, in pixels */
export async function createPromptEmbedder(
  { gpu, clip, size }: Omit<ScorerTarget, 'needs'>,
  options: FapromptOptions,
  learnables: ReadonlyMap<string, Float32Array>,
): Promise<PromptEmbedder> {
  const { context, result, bind } = await forwardOfOne({ clip, size }, options, learnables);
  const { graph } = context;
  const adapted = context.records.get('dap/text_neg/feat');
  const fixed = {
    normal: affine(graph, result.normalFeatures, 1),
    abnormal: affine(graph, result.abnormalFeatures, 1),
  };
  const { parameters, free } = bind(gpu);
  const width = clip.config.embedDim;
  const rows = (all: Float32Array) =>
    Array.from({ length: all.length / width }, (_, i) => unit(all.subarray(i * width, (i + 1) * width)));
  try {
    const plain = await compile(gpu, graph, fixed, { parameters });
    const found = (await plain.run({}, ['normal', 'abnormal'])) as Record<string, Float32Array>;
    plain.dispose();
    const fixedRows = { normal: rows(found.normal!)[0]!, abnormal: rows(found.abnormal!) };
    if (!adapted) return { ...fixedRows, dispose: free };
    const perImage = await compile(gpu, graph, { adapted: affine(graph, adapted, 1) }, { parameters });
    const inputs = perImage.plan.leaves.inputs.map((storage) => graph.leaves.get(storage)!.name);
    return {
      ...fixedRows,
      async adapt(features) {
        const given = Object.fromEntries(Object.entries(features).filter(([name]) => inputs.includes(name)));
        return rows((await perImage.run(given, ['adapted'])).adapted as Float32Array);
      },
      dispose() {
        perImage.dispose();
        free();
      },
    };
  } catch (error) {
    free();
    throw error;
  }
}

function unit(vector: Float32Array): Float32Array {
  const norm = Math.hypot(...vector);
  return vector.map((x) => x / norm);
}

/** Cosines of unit vectors, each with each. */
export const pairwiseCosines = (vectors: readonly Float32Array[]): number[][] =>
  vectors.map((a) => vectors.map((b) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)));

export interface Likeness {
  /** Over the pairs of abnormality prompts; null with one. 1: they are copies. */
  readonly mean: number | null;
  readonly smallest: number | null;
  readonly largest: number | null;
  /** Mean cosine of the abnormality prompts with the normal one. */
  readonly withNormal: number;
}

/** How alike the abnormality prompts are. */
export function likeness({ normal, abnormal }: PromptEmbeddings): Likeness {
  const [own, ...cosines] = pairwiseCosines([normal, ...abnormal]);
  const pairs = cosines.flatMap((row, i) => row.slice(1, i + 1));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const any = pairs.length > 0;
  return {
    mean: any ? mean(pairs) : null,
    smallest: any ? Math.min(...pairs) : null,
    largest: any ? Math.max(...pairs) : null,
    withNormal: mean(own!.slice(1)),
  };
}
