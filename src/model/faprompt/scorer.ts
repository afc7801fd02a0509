// Inference: image features in, anomaly map and score out.
import type { Gpu } from '../../gpu/gpu.ts';
import { createDeviceTensor, type DeviceTensor } from '../../graph/device-tensor.ts';
import { compile, type Executable, type RunOptions } from '../../graph/executor.ts';
import { f32, type Tensor } from '../../kernels/tensor.ts';
import { checkImageSize, type HostFeatures } from '../clip/image-encoder.ts';
import type { ImageFeatures } from '../clip/vision.ts';
import { bindWeights, type Clip } from '../clip/weights.ts';
import { createModelGraph, type ModelGraph } from '../context.ts';
import { forward } from './forward.ts';
import { checkLearnables, learnableShapes } from './learnables.ts';
import type { FapromptOptions } from './options.ts';
import { anomalyMap, type Scores, smoothedMap, smoothingSigma } from './score.ts';
import { promptTemplates, type TokenRows, usedTokens } from './templates.ts';
import { checkDetection } from './verdict.ts';

export interface Detection {
  /** Image anomaly score in [0, 1]. */
  readonly score: number;
  /** Smoothed anomaly map [size, size], values in [0, 1]. */
  readonly map: Float32Array;
}

export interface Scorer {
  readonly executable: Executable;
  /** @param image its name, for messages @throws ScoreError for a score or map that is not finite, GpuError */
  score(features: HostFeatures, image: string, options?: RunOptions): Promise<Detection>;
  dispose(): void;
}

/** Templates and their embedding rows for a CLIP: what `forward` needs besides weights and learnables. */
export async function loadTemplates(clip: Clip, options: FapromptOptions) {
  const templates = promptTemplates(clip.tokenizer, options);
  const rows: TokenRows = await clip.tokenRows(usedTokens(templates));
  return { clip: clip.config, options, templates, rows };
}

/** @param learnables values under the published names; tensors on the device stay the caller's, and may change */
export async function createScorer(
  gpu: Gpu,
  clip: Clip,
  options: FapromptOptions,
  learnables: ReadonlyMap<string, Float32Array | DeviceTensor>,
  size: number,
): Promise<Scorer> {
  const shapes = learnableShapes(options, clip.config);
  checkLearnables(
    new Map([...shapes].filter(([name]) => learnables.has(name)).map(([name, shape]) => [name, { shape }])),
    shapes,
    'prompts',
  );
  const model = await loadTemplates(clip, options);
  return compileScorer(gpu, clip, size, (context, features) => {
    const result = forward(context, model, features, size);
    const parameters = [...result.learnables.all].map(([name, tensor]) => ({
      tensor,
      values: learnables.get(name)!,
    }));
    return { ...result, parameters };
  });
}

/** A scorer's graph: its scores, and the values of the parameters that are not CLIP's. */
export type ScorerGraph = Omit<Scores, 'imageLogits'> & {
  readonly parameters: readonly { readonly tensor: Tensor; readonly values: Float32Array | DeviceTensor }[];
};

/** @param build the scores of one image from its features */
export async function compileScorer(
  gpu: Gpu,
  clip: Clip,
  size: number,
  build: (context: ModelGraph, features: ImageFeatures) => ScorerGraph,
): Promise<Scorer> {
  checkImageSize(clip.config, size);
  const { embedDim, patch } = clip.config;
  const model = createModelGraph(clip.weightSpec);
  const { graph } = model;
  const result = build(model, {
    image: graph.input('image', f32(1, embedDim)),
    patches: graph.input('patches', f32(1, (size / patch) ** 2, embedDim)),
  });
  const map = smoothedMap(model, anomalyMap(model, result), smoothingSigma(size));
  const own: DeviceTensor[] = [];
  const free = () => {
    for (const { buffer } of own) gpu.memory.free(buffer);
  };
  const bind = async (): Promise<Executable> => {
    const parameters = bindWeights(clip, model.weights);
    for (const { tensor, values } of result.parameters) {
      const bound =
        values instanceof Float32Array ? createDeviceTensor(gpu, 'learned', tensor, values) : values;
      if (bound !== values) own.push(bound);
      parameters.set(tensor.storage, bound);
    }
    return compile(gpu, graph, { map, score: result.score }, { parameters });
  };
  const executable = await bind().catch((error: unknown) => {
    free();
    throw error;
  });
  return {
    executable,
    async score({ image, patches }, name, options) {
      const found = await executable.run({ image, patches }, ['map', 'score'], options);
      return checkDetection({ score: found.score![0]!, map: found.map as Float32Array }, name);
    },
    dispose() {
      executable.dispose();
      free();
    },
  };
}
