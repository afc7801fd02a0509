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
import { checkDetection, ScoreError } from './faprompt/verdict.ts';

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
  /**
   * Several images in one run, each with the result that `score` has for it alone, to the bit; compiled at first use, for
   * each number of images. Absent: the method looks at one image at a time. @throws GpuError
   */
  scoreTogether?(images: readonly ScoredImage[]): Promise<(Detection | ScoreError)[]>;
  /** Whether that takes less time than one image after the other; default: no. */
  readonly togetherGains?: boolean;
  dispose(): void;
}

export interface ScoredImage {
  readonly features: Features;
  /** Its name, for messages. */
  readonly image: string;
}

/** Learned values: on the host, or on the device, where they stay the caller's and may change. */
export type Learned = ReadonlyMap<string, Float32Array | DeviceTensor>;

/** What a scorer's graph computes, and the values of the parameters that are not CLIP's. */
export interface ScorerGraph {
  /** As they are shown: [B, S, S]. */
  readonly map: Tensor;
  /** [B]. */
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

type Build = (context: ModelGraph, features: Readonly<Record<string, Tensor>>) => ScorerGraph;

/**
 * @param build maps and scores of B images from their features, each [B, ...]; the images lie along the first dimension of
 *   all that depends on them
 * @param options `together: false`: `build` is for one image only
 */
export async function compileScorer(
  target: ScorerTarget,
  build: Build,
  { together = true }: { readonly together?: boolean } = {},
): Promise<Scorer> {
  checkImageSize(target.clip.config, target.size);
  checkNeeds(target.needs, target.clip.config, target.size);
  const one = await compileImages(target, build, 1);
  const several = new Map<number, Promise<CompiledImages>>();
  const ofSeveral = (count: number): Promise<CompiledImages> => {
    const made = several.get(count) ?? compileImages(target, build, count);
    several.set(count, made);
    return made;
  };
  return {
    executable: one.executable,
    atOnce: runsInFlight,
    async score(features, image, options) {
      const [found] = await one.run([{ features, image }], options);
      if (found instanceof ScoreError) throw found;
      return found!;
    },
    ...(together ? { scoreTogether: async (images) => (await ofSeveral(images.length)).run(images) } : {}),
    // A software adapter's dispatches cost next to nothing: with 4 images 3 % less, with 8 of them 3 % more.
    togetherGains: together && !target.gpu.capabilities.software,
    dispose() {
      one.dispose();
      for (const made of several.values())
        made.then(
          ({ dispose }) => dispose(),
          () => {},
        );
    },
  };
}

/** Maps and scores of a number of images. */
interface CompiledImages {
  readonly executable: Executable;
  run(images: readonly ScoredImage[], options?: RunOptions): Promise<(Detection | ScoreError)[]>;
  dispose(): void;
}

async function compileImages(
  { gpu, clip, size, needs }: ScorerTarget,
  build: Build,
  count: number,
): Promise<CompiledImages> {
  const model = createModelGraph(clip.weightSpec);
  const inputs = featureInputs(model, { clip, size, needs }, count);
  const result = build(model, inputs);
  const { map, score } = result;
  const { parameters, free } = bindLearnables(gpu, clip, model, result.parameters);
  // Prompts that do not depend on the image are encoded once, unless somebody trains them meanwhile.
  const fixedParameters = result.parameters.every(({ values }) => values instanceof Float32Array);
  const executable = await compile(
    gpu,
    model.graph,
    { map, score },
    { parameters, ...scorerArrangement(count), fixedParameters },
  ).catch((error: unknown) => {
    free();
    throw error;
  });
  const used = new Set(executable.plan.leaves.inputs);
  const names = Object.keys(inputs).filter((name) => used.has(inputs[name]!.storage));
  /** One image's features as they are, those of several as parts of a tensor. */
  const feed = (name: string, images: readonly ScoredImage[]) => {
    const parts = images.map(({ features }) => features[name]!);
    const [first] = parts;
    if (parts.length === 1) return first!;
    return parts.map((part) => ('dtype' in part ? { buffer: part.buffer, offset: part.offset ?? 0 } : part));
  };
  return {
    executable,
    async run(images, options) {
      const feeds = Object.fromEntries(names.map((name) => [name, feed(name, images)]));
      const found = await executable.run(feeds, ['map', 'score'], options);
      const maps = found.map as Float32Array;
      const mapOf = (i: number) => (count === 1 ? maps : maps.slice(i * size * size, (i + 1) * size * size));
      return images.map(({ image }, i) => checked({ score: found.score![i]!, map: mapOf(i) }, image));
    },
    dispose() {
      executable.dispose();
      free();
    },
  };
}

function checked(detection: Detection, image: string): Detection | ScoreError {
  try {
    return checkDetection(detection, image);
  } catch (error) {
    if (error instanceof ScoreError) return error;
    throw error;
  }
}

/** An image's score does not depend on its batch. */
export const scorerArrangement = (images: number) => ({ batch: true, items: images }) as const;
