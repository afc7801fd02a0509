import { compile, type RunOptions } from '../../graph/executor.ts';
import { affine, expand } from '../../kernels/elementwise/elementwise.ts';
import { l2norm } from '../../kernels/l2norm/l2norm.ts';
import { concat } from '../../kernels/slice/slice.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import type { Features } from '../clip/image-encoder.ts';
import type { ScorerTarget } from '../scorer.ts';
import { forwardOfOne } from './one-image.ts';
import type { FapromptOptions } from './options.ts';
import { anomalyMap, smoothedMap, smoothingSigma } from './score.ts';
import { probabilities, probabilityMap } from './similarity.ts';
import { checkDetection } from './verdict.ts';

/** One abnormality prompt on one image. */
export interface PromptDetection {
  /** What it adds to the cosine of the image with the abnormal prototype: the K of them add up to it. */
  readonly contribution: number;
  /** Probability of the image's class feature with this prompt alone. */
  readonly probability: number;
  /** Anomaly map with this prompt alone, smoothed: [size, size]. */
  readonly map: Float32Array;
}

export interface PromptScorer {
  /** In the order of the prompts. @param image its name, for messages @throws ScoreError for what is not finite */
  score(features: Features, image: string, options?: RunOptions): Promise<PromptDetection[]>;
  dispose(): void;
}

/** The arguments are those of createScorer. */
export async function createPromptScorer(
  { gpu, clip, size }: Omit<ScorerTarget, 'needs'>,
  options: FapromptOptions,
  learnables: ReadonlyMap<string, Float32Array>,
): Promise<PromptScorer> {
  const { context, image, patches, result, bind } = await forwardOfOne({ clip, size }, options, learnables);
  const { graph } = context;
  const { prompts: count } = options;
  const width = clip.config.embedDim;
  const adapted = context.records.get('dap/text_neg/feat') ?? result.abnormalFeatures;
  /** Prototypes of each prompt alone: [K, 2, E]. */
  const pairs = (abnormal: Tensor) => {
    const normal = expand(graph, graph.view(result.normalFeatures, [1, 1, width]), [count, 1, width]);
    return l2norm(graph, concat(graph, [normal, graph.view(abnormal, [count, 1, width])], 1));
  };
  const maps = [result.abnormalFeatures, adapted].map((abnormal) =>
    probabilityMap(context, probabilities(context, patches, pairs(abnormal), options.temperature), size),
  ) as [Tensor, Tensor];
  const map = smoothedMap(context, anomalyMap(context, { maps }), smoothingSigma(size, options.sigma));
  const copy = (x: Tensor) => affine(graph, x, 1);
  const outputs = {
    map,
    abnormal: copy(adapted),
    normal: copy(result.normalFeatures),
    feature: copy(image), // it may be on the device only
  };
  const { parameters, free } = bind(gpu);
  const executable = await compile(gpu, graph, outputs, { parameters }).catch((error: unknown) => {
    free();
    throw error;
  });
  return {
    async score({ image: feature, patches: rows }, name, runOptions) {
      const feeds = { image: feature!, patches: rows! };
      const found = (await executable.run(feeds, Object.keys(outputs), runOptions)) as Record<
        string,
        Float32Array
      >;
      const { abnormal, normal, map: all } = found as Record<keyof typeof outputs, Float32Array>;
      const texts = Array.from({ length: count }, (_, k) => abnormal.subarray(k * width, (k + 1) * width));
      return describe(found.feature!, normal, texts, options.temperature).map((each, k) => {
        const map = all.slice(k * size * size, (k + 1) * size * size);
        checkDetection({ score: each.probability + each.contribution, map }, name);
        return { ...each, map };
      });
    },
    dispose() {
      executable.dispose();
      free();
    },
  };
}

const dot = (a: Float32Array, b: ArrayLike<number>): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

/**
 * The prototype is u(mean of the features), so its cosine with the image is the sum over the prompts of
 * image a_k / |sum of the features|.
 */
export function describe(
  image: Float32Array,
  normal: Float32Array,
  abnormal: readonly Float32Array[],
  temperature: number,
): { contribution: number; probability: number }[] {
  const sum = image.map((_, i) => abnormal.reduce((total, feature) => total + feature[i]!, 0));
  const norm = Math.hypot(...sum);
  const cosine = (feature: Float32Array) => dot(image, feature) / Math.hypot(...feature);
  return abnormal.map((feature) => ({
    contribution: dot(image, feature) / norm,
    probability: 1 / (1 + Math.exp((cosine(normal) - cosine(feature)) / temperature)),
  }));
}
