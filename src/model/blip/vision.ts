// BLIP's image encoder: a ViT with pre-norm blocks, GELU and a norm behind the last one, and the contrastive head.
import { attention } from '../../kernels/attention/attention.ts';
import { attentionPair } from '../../kernels/attention/attention_pair.ts';
import { add, expand } from '../../kernels/elementwise/elementwise.ts';
import { gelu } from '../../kernels/gelu/gelu.ts';
import { l2norm } from '../../kernels/l2norm/l2norm.ts';
import { layernorm } from '../../kernels/layernorm/layernorm.ts';
import { linear } from '../../kernels/matmul/matmul.ts';
import { patchEmbedding } from '../../kernels/patch_embedding/patch_embedding.ts';
import { concat, slice } from '../../kernels/slice/slice.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import { resizePositions } from '../clip/positions.ts';
import type { Context } from '../context.ts';
import type { BlipConfig } from './config.ts';

/** A linear layer with the weights `name`.weight and `name`.bias. */
const layer = (context: Context, x: Tensor, name: string, residual?: Tensor): Tensor =>
  linear(context.graph, x, context.weight(`${name}.weight`), {
    bias: context.weight(`${name}.bias`),
    residual,
  });

const norm = ({ graph, weight }: Context, x: Tensor, name: string, epsilon: number): Tensor =>
  layernorm(graph, x, { weight: weight(`${name}.weight`), bias: weight(`${name}.bias`) }, { epsilon });

export interface BlipImage {
  /** All tokens after the last norm, the class token first: [B, 1 + n, D]. */
  readonly tokens: Tensor;
  /** The same of the V-V stream; absent without dual blocks. */
  readonly vv?: Tensor;
  /** Residual stream's patch tokens after the blocks asked for, counted from 1: [B, n, D]. */
  readonly taps: ReadonlyMap<number, Tensor>;
}

/**
 * Encodes normalised images [B, 3, S, S], S a multiple of the patch size.
 * @param dualLayers trailing blocks that carry a V-V stream beside the ordinary one (our definition: BLIP has none)
 */
export function encodeBlipImage(
  context: Context,
  images: Tensor,
  config: BlipConfig,
  { dualLayers = 0, taps = [] }: { readonly dualLayers?: number; readonly taps?: readonly number[] } = {},
): BlipImage {
  const { graph, record } = context;
  const { visionHeads: heads, visionLayers, visionEpsilon } = config;
  const found = new Map<number, Tensor>();
  let x = embedPatches(context, images, config);
  let vv: Tensor | undefined;
  for (let i = 0; i < visionLayers; i += 1) {
    const block = `visual_encoder.blocks.${i}`;
    const qkv = layer(context, norm(context, x, `${block}.norm1`, visionEpsilon), `${block}.attn.qkv`);
    let attended: Tensor;
    if (i >= visionLayers - dualLayers) {
      const both = attentionPair(graph, qkv, heads);
      attended = both.ordinary;
      vv = layer(context, both.vv, `${block}.attn.proj`, vv ?? x);
    } else attended = attention(graph, qkv, { heads });
    x = layer(context, attended, `${block}.attn.proj`, x);
    const hidden = layer(context, norm(context, x, `${block}.norm2`, visionEpsilon), `${block}.mlp.fc1`);
    x = record(`vision/layer${i}/ori`, layer(context, gelu(graph, hidden), `${block}.mlp.fc2`, x));
    if (taps.includes(i + 1)) found.set(i + 1, slice(graph, x, { axis: 1, start: 1, end: x.shape[1]! }));
  }
  const last = (t: Tensor) => norm(context, t, 'visual_encoder.norm', visionEpsilon);
  return { tokens: record('image', last(x)), taps: found, ...(vv ? { vv: last(vv) } : {}) };
}

/** [class token | patches] + positions: [B, 1 + grid^2, D]. */
function embedPatches({ graph, weight, record }: Context, images: Tensor, config: BlipConfig): Tensor {
  const width = config.visionWidth;
  const grid = images.shape[2]! / config.patch;
  const patches = add(
    graph,
    patchEmbedding(graph, images, weight('visual_encoder.patch_embed.proj.weight')),
    weight('visual_encoder.patch_embed.proj.bias'),
  );
  const classToken = expand(graph, weight('visual_encoder.cls_token'), [images.shape[0]!, 1, width]);
  const table = graph.view(weight('visual_encoder.pos_embed'), [config.grid ** 2 + 1, width]);
  const positions = record(
    'positions',
    resizePositions(graph, table, { trained: config.grid, grid }, 'bicubic'),
  );
  return add(graph, concat(graph, [classToken, patches], 1), positions);
}

/** Features of tokens in the contrastive space, as `unit` vectors or not: [..., D] -> [..., E]. */
export function imageFeatures(context: Context, tokens: Tensor, unit = true): Tensor {
  const features = layer(context, tokens, 'vision_proj');
  return unit ? l2norm(context.graph, features) : features;
}
