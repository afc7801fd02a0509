// Plain CLIP: which of some texts describes an image (Radford et al., 2021, section 3.1).

import type { Gpu } from '../../gpu/gpu.ts';
import { compile } from '../../graph/executor.ts';
import { l2norm } from '../../kernels/l2norm/l2norm.ts';
import { f32, type Tensor } from '../../kernels/tensor.ts';
import { blipTextLength, isBlip } from '../blip/config.ts';
import { blipTextFeatures, encodeBlipText } from '../blip/text.ts';
import { createModelGraph, type ModelGraph } from '../context.ts';
import type { ClipConfig } from './config.ts';
import { clipNeeds } from './needs.ts';
import { type Pixels, preprocessCrop, preprocessImage } from './preprocess.ts';
import { encodeText } from './text.ts';
import { type Tokenizer, tokenize } from './tokenizer/tokenizer.ts';
import { encodeFeatures } from './vision.ts';
import { bindWeights, type Clip } from './weights.ts';

/** An image as its model was trained to see it: CLIP the square in the middle, BLIP all of it, squashed: [3, S, S]. */
export const preprocessForZeroShot = (gpu: Gpu, { config }: Clip, image: Pixels): Promise<Float32Array> =>
  isBlip(config)
    ? preprocessImage(gpu, image, config.imageResolution)
    : preprocessCrop(gpu, image, config.imageResolution, config.pixels);

/** The unit feature [E] of a preprocessed image [3, S, S], S the size that the CLIP was trained on. */
export async function imageFeature(gpu: Gpu, clip: Clip, image: Float32Array): Promise<Float32Array> {
  const { config } = clip;
  const model = createModelGraph(clip.weightSpec);
  const size = config.imageResolution;
  const images = model.graph.input('images', f32(1, 3, size, size));
  const features = encodeFeatures(model, images, config, { ...clipNeeds, patches: 'none' });
  return run({ gpu, clip }, model, features.image!, { images: image });
}

/** Token ids of a text, end token included. @throws TokenizerError for a text that is too long or cannot be expressed */
export function textTokens({ config }: Clip, tokenizer: Tokenizer, text: string): Int32Array {
  const row = tokenize(tokenizer, text, isBlip(config) ? blipTextLength : config.contextLength);
  // What follows changes nothing: CLIP's attention is causal, BLIP's masks it.
  return row.subarray(0, row.indexOf(tokenizer.eot) + 1);
}

/** Texts that are encoded together. */
const textBatch = 64;

/**
 * The features [E] of texts, in their order.
 * @param texts their tokens, see textTokens
 * @param unit whether they are made unit vectors
 */
export async function textFeatures(
  gpu: Gpu,
  clip: Clip,
  texts: readonly (Int32Array | readonly number[])[],
  { unit = true } = {},
): Promise<Float32Array[]> {
  const { textWidth, embedDim } = clip.config;
  const rows = await clip.tokenRows([...new Set(texts.flatMap((ids) => [...ids]))]);
  const found: Float32Array[] = [];
  for (const length of new Set(texts.map((ids) => ids.length))) {
    const same = [...texts.keys()].filter((i) => texts[i]!.length === length);
    for (let at = 0; at < same.length; at += textBatch) {
      const chunk = same.slice(at, at + textBatch);
      const values = new Float32Array(chunk.length * length * textWidth);
      chunk.forEach((text, n) => {
        for (const [i, id] of texts[text]!.entries()) values.set(rows.get(id)!, (n * length + i) * textWidth);
      });
      const model = createModelGraph(clip.weightSpec);
      const embeddings = model.graph.input('embeddings', f32(chunk.length, length, textWidth));
      const features = rawFeatures(model, embeddings, clip.config);
      const output = unit ? l2norm(model.graph, features) : features;
      const encoded = await run({ gpu, clip }, model, output, { embeddings: values });
      chunk.forEach((text, n) => {
        found[text] = encoded.slice(n * embedDim, (n + 1) * embedDim);
      });
    }
  }
  return found;
}

/** Features of texts of one length, not normalised: [P, L, D] -> [P, E]. */
function rawFeatures(model: ModelGraph, embeddings: Tensor, config: ClipConfig): Tensor {
  if (isBlip(config)) return blipTextFeatures(model, encodeBlipText(model, embeddings, config), false);
  const input = { embeddings, start: 0, end: embeddings.shape[1]! - 1, name: 'text' };
  return encodeText(model, input, config).features;
}

async function run(
  { gpu, clip }: { readonly gpu: Gpu; readonly clip: Clip },
  { graph, weights }: ModelGraph,
  output: Tensor,
  feeds: Record<string, Float32Array>,
): Promise<Float32Array> {
  const executable = await compile(gpu, graph, { output }, { parameters: bindWeights(clip, weights) });
  try {
    return (await executable.run(feeds, ['output'])).output as Float32Array;
  } finally {
    executable.dispose();
  }
}

/** Probabilities of the texts: softmax of the scaled cosines. */
export function zeroShot(
  image: Float32Array,
  texts: readonly Float32Array[],
  scale: number,
): { cosines: number[]; probabilities: number[] } {
  const cosines = texts.map((text) => text.reduce((sum, value, i) => sum + value * image[i]!, 0));
  const largest = Math.max(...cosines);
  const weights = cosines.map((cosine) => Math.exp(scale * (cosine - largest)));
  const sum = weights.reduce((a, b) => a + b, 0);
  return { cosines, probabilities: weights.map((weight) => weight / sum) };
}
