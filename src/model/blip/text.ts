// BLIP's text encoder: BERT (post-norm blocks) without cross-attention, and the contrastive head.
import { attention } from '../../kernels/attention/attention.ts';
import { add } from '../../kernels/elementwise/elementwise.ts';
import { gelu } from '../../kernels/gelu/gelu.ts';
import { l2norm } from '../../kernels/l2norm/l2norm.ts';
import { layernorm } from '../../kernels/layernorm/layernorm.ts';
import { linear } from '../../kernels/matmul/matmul.ts';
import { slice } from '../../kernels/slice/slice.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import type { Context } from '../context.ts';
import type { BlipConfig } from './config.ts';

const epsilon = 1e-12;

/**
 * Last hidden states of texts of one length. Attention goes both ways: a padded text is not the same as a text cut at its
 * [SEP], which is what BLIP's padding mask makes of it and what is given here.
 * @param embeddings word embeddings without positions [P, L, D]
 * @returns [P, L, D]
 */
export function encodeBlipText(context: Context, embeddings: Tensor, config: BlipConfig): Tensor {
  const { graph, weight, record } = context;
  const length = embeddings.shape[1]!;
  const layer = (x: Tensor, name: string, residual?: Tensor) =>
    linear(graph, x, weight(`${name}.weight`), { bias: weight(`${name}.bias`), residual });
  const norm = (x: Tensor, name: string) =>
    layernorm(graph, x, { weight: weight(`${name}.weight`), bias: weight(`${name}.bias`) }, { epsilon });
  const table = weight('text_encoder.embeddings.position_embeddings.weight');
  const positions = slice(graph, table, { axis: 0, start: 0, end: length });
  let x = norm(add(graph, embeddings, positions), 'text_encoder.embeddings.LayerNorm');
  for (let i = 0; i < config.textLayers; i += 1) {
    const block = `text_encoder.encoder.layer.${i}`;
    const attended = attention(graph, layer(x, `${block}.attention.self.qkv`), { heads: config.textHeads });
    x = norm(layer(attended, `${block}.attention.output.dense`, x), `${block}.attention.output.LayerNorm`);
    const hidden = gelu(graph, layer(x, `${block}.intermediate.dense`));
    x = record(
      `text/layer${i}`,
      norm(layer(hidden, `${block}.output.dense`, x), `${block}.output.LayerNorm`),
    );
  }
  return record('text', x);
}

/** Features of texts in the contrastive space, of their [CLS], as `unit` vectors or not: [P, L, D] -> [P, E]. */
export function blipTextFeatures({ graph, weight }: Context, hidden: Tensor, unit = true): Tensor {
  const [texts, , width] = hidden.shape as [number, number, number];
  const first = graph.view(slice(graph, hidden, { axis: 1, start: 0, end: 1 }), [texts, width]);
  const features = linear(graph, first, weight('text_proj.weight'), { bias: weight('text_proj.bias') });
  return unit ? l2norm(graph, features) : features;
}
