// Inference of any method: image features in, anomaly map and score out.
import type { Gpu } from '../gpu/gpu.ts';
import type { DeviceTensor } from '../graph/device-tensor.ts';
import { compile, type Executable, type RunOptions } from '../graph/executor.ts';
import { runsInFlight } from '../graph/plan.ts';
import { f32, type Tensor } from '../kernels/tensor.ts';
import { bindLearnables } from './bound-learnables.ts';
import type { Features } from './clip/image-encoder.ts';
import { checkImageSize } from './clip/image-graph.ts';
import { checkNeeds, featureShapes, type ImageNeeds } from './clip/needs.ts';
import type { Clip } from './clip/weights.ts';
import { createModelGraph, type ModelGraph } from './context.ts';
import { checkDetection } from './faprompt/verdict.ts';

export interface Detection {
  /** Image anomaly score in [0, 1]. */
  readonly score: number;
  /** Smoothed anomaly map [size, size], values in [0, 1]. */
  readonly map: Float32Array;
}

export interface Scorer {
  readonly executable: Executable;
  /** Images that may be scored at the same time: one is computed while the map of another is read. Default 1. */
  readonly atOnce?: number;
  /** @param image its name, for messages @throws ScoreError for a score or map that is not finite, GpuError */
  score(features: Features, image: string, options?: RunOptions): Promise<Detection>;
  dispose(): void;
}

/** Learned values: on the host, or on the device, where they stay the caller's and may change. */
export type Learned = ReadonlyMap<string, Float32Array | DeviceTensor>;

/** What a scorer's graph computes, and the values of the parameters that are not CLIP's. */
export interface ScorerGraph {
  /** As it is shown: [1, S, S]. */
  readonly map: Tensor;
  /** [1]. */
  readonly score: Tensor;
  readonly parameters: readonly { readonly tensor: Tensor; readonly values: Float32Array | DeviceTensor }[];
}

/** What a scorer is made for. */
export interface ScorerTarget {
  readonly gpu: Gpu;
  readonly clip: Clip;
  /** Side of images and maps in pixels. */
  readonly size: number;
  readonly needs: ImageNeeds;
}

/** Graph inputs for the features of `batch` images, by the names of `featureShapes`. */
export const featureInputs = (
  { graph }: ModelGraph,
  { clip, size, needs }: Pick<ScorerTarget, 'size' | 'needs'> & { readonly clip: Pick<Clip, 'config'> },
  batch: number,
): Record<string, Tensor> =>
  Object.fromEntries(
    [...featureShapes(needs, clip.config, size)].map(([name, shape]) => [
      name,
      graph.input(name, f32(batch, ...shape)),
    ]),
  );

/** @param build map and score of one image from its features, each [1, ...] */
export async function compileScorer(
  { gpu, clip, size, needs }: ScorerTarget,
  build: (context: ModelGraph, features: Readonly<Record<string, Tensor>>) => ScorerGraph,
): Promise<Scorer> {
  checkImageSize(clip.config, size);
  checkNeeds(needs, clip.config, size);
  const model = createModelGraph(clip.weightSpec);
  const inputs = featureInputs(model, { clip, size, needs }, 1);
  const result = build(model, inputs);
  const { map, score } = result;
  const { parameters, free } = bindLearnables(gpu, clip, model, result.parameters);
  // Prompts that do not depend on the image are encoded once, unless somebody trains them meanwhile.
  const fixedParameters = result.parameters.every(({ values }) => values instanceof Float32Array);
  const compiled = compile(gpu, model.graph, { map, score }, { parameters, batch: true, fixedParameters });
  const executable = await compiled.catch((error: unknown) => {
    free();
    throw error;
  });
  const used = new Set(executable.plan.leaves.inputs);
  const names = Object.keys(inputs).filter((name) => used.has(inputs[name]!.storage));
  return {
    executable,
    atOnce: runsInFlight,
    async score(features, image, options) {
      const feeds = Object.fromEntries(names.map((name) => [name, features[name]!]));
      const found = await executable.run(feeds, ['map', 'score'], options);
      return checkDetection({ score: found.score![0]!, map: found.map as Float32Array }, image);
    },
    dispose() {
      executable.dispose();
      free();
    },
  };
}
