// Plain CLIP: which of some texts describes an image (Radford et al., 2021, section 3.1).

import type { Gpu } from '../../gpu/gpu.ts';
import { compile } from '../../graph/executor.ts';
import { l2norm } from '../../kernels/l2norm/l2norm.ts';
import { slice } from '../../kernels/slice/slice.ts';
import { f32, type Tensor } from '../../kernels/tensor.ts';
import { createModelGraph, type ModelGraph } from '../context.ts';
import { encodeText } from './text.ts';
import { type Tokenizer, tokenize } from './tokenizer/tokenizer.ts';
import { encodeImage } from './vision.ts';
import { bindWeights, type Clip } from './weights.ts';

/** The unit feature [E] of a preprocessed image [3, S, S], S the size that the CLIP was trained on. */
export async function imageFeature(gpu: Gpu, clip: Clip, image: Float32Array): Promise<Float32Array> {
  const { config } = clip;
  const model = createModelGraph(clip.weightSpec);
  const size = config.imageResolution;
  // Without V-V blocks, the "tokens" are CLIP's own: ln_post and projection of the original stream.
  encodeImage(model, model.graph.input('images', f32(1, 3, size, size)), config, 0);
  const tokens = model.records.get('image/tokens')!;
  const feature = slice(model.graph, tokens, { axis: 1, start: 0, end: 1 });
  return run(gpu, clip, model, feature, { images: image });
}

/** Token ids of a text, end token included. @throws TokenizerError for a text that is too long or cannot be expressed */
export function textTokens({ config }: Clip, tokenizer: Tokenizer, text: string): Int32Array {
  const row = tokenize(tokenizer, text, config.contextLength);
  return row.subarray(0, row.indexOf(tokenizer.eot) + 1); // attention is causal: what follows changes nothing
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
      const input = { embeddings, start: 0, end: length - 1, name: 'text' };
      const { features } = encodeText(model, input, clip.config);
      const output = unit ? l2norm(model.graph, features) : features;
      const encoded = await run(gpu, clip, model, output, { embeddings: values });
      chunk.forEach((text, n) => {
        found[text] = encoded.slice(n * embedDim, (n + 1) * embedDim);
      });
    }
  }
  return found;
}

async function run(
  gpu: Gpu,
  clip: Clip,
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
