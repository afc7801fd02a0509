// CLIP's image encoder with the V-V stream (docs/METHOD.md; CLIP Surgery, AnomalyCLIP's DPAM).
import { attention } from '../../kernels/attention/attention.ts';
import { attentionPair } from '../../kernels/attention/attention_pair.ts';
import { add, expand } from '../../kernels/elementwise/elementwise.ts';
import { l2norm } from '../../kernels/l2norm/l2norm.ts';
import { matmul } from '../../kernels/matmul/matmul.ts';
import { patchEmbedding } from '../../kernels/patch_embedding/patch_embedding.ts';
import { concat, slice } from '../../kernels/slice/slice.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import { isBlip } from '../blip/config.ts';
import { encodeBlipFeatures } from '../blip/features.ts';
import type { Context, ModelGraph } from '../context.ts';
import type { ClipConfig } from './config.ts';
import { fapromptNeeds, type ImageNeeds } from './needs.ts';
import { type PositionResize, positionTable } from './positions.ts';
import { attentionOut, classRow, layerNorm, mlp, queryKeyValue } from './transformer.ts';
import { windowFeatures } from './windows.ts';

export interface ImageFeatures {
  /** Unit class feature of the original stream, without ln_post: [B, E]. */
  readonly image: Tensor;
  /** Unit patch features of the V-V stream: [B, grid * grid, E], patch = row * grid + column. */
  readonly patches: Tensor;
}

/**
 * Number of trailing blocks with the V-V stream: the paper's 19 of ViT-L's 24, and the same share of other depths.
 */
export const defaultDualLayers = ({ visionLayers }: ClipConfig): number =>
  Math.max(1, Math.round((visionLayers * 19) / 24));

/**
 * Encodes normalised images [B, 3, S, S], S a multiple of the patch size, as FAPrompt wants them.
 * @param dualLayers trailing blocks that carry the V-V stream beside the original one
 */
export function encodeImage(
  context: Context,
  images: Tensor,
  config: ClipConfig,
  dualLayers: number,
): ImageFeatures {
  const { image, patches } = encodeFeatures(context, images, config, fapromptNeeds(dualLayers));
  return { image: image!, patches: patches! };
}

/**
 * Encodes normalised images [B, 3, S, S], S a multiple of the patch size.
 * @returns what `needs` wants, by the names of `featureShapes`, each [B, ...]; `views` are not made here
 */
export function encodeFeatures(
  context: Context,
  images: Tensor,
  config: ClipConfig,
  needs: ImageNeeds,
): Record<string, Tensor> {
  if (isBlip(config)) return encodeBlipFeatures(context, images, config, needs);
  const { graph, weight, record } = context;
  const batch = images.shape[0]!;
  const grid = images.shape[2]! / config.patch;
  const patchRows = { axis: 1, start: 1, end: 1 + grid * grid };
  const found: Record<string, Tensor> = {};
  const tokens = embedPatches(context, images, config, { grid, positions: needs.positions });
  let original = record('vision/ln_pre', layerNorm(context, tokens, 'visual.ln_pre'));
  let vv: Tensor | undefined;
  let ofClass = original;
  // Behind the last attention only the class token is read, unless patches come from there.
  const patchesToo =
    (needs.dualLayers === 0 && needs.patches !== 'none') || needs.taps.includes(config.visionLayers);
  for (let i = 0; i < config.visionLayers; i += 1) {
    const block = `visual.transformer.resblocks.${i}`;
    const qkv = queryKeyValue(context, original, block);
    const heads = config.visionHeads;
    let results: Tensor;
    if (i >= config.visionLayers - needs.dualLayers) {
      // Both streams read the original one; the V-V stream has no MLP and is never fed back.
      const both = attentionPair(graph, qkv, heads);
      results = both.ordinary;
      vv = attentionOut(context, both.vv, vv ?? original, block);
      record(`vision/layer${i}/vv`, vv);
      if (needs.vvTaps.includes(i + 1)) found[`vv${i + 1}`] = slice(graph, vv, patchRows);
    } else results = attention(graph, qkv, { heads });
    const rest = (rows: Tensor): Tensor => mlp(context, rows, block, config.activation);
    const attended = attentionOut(context, results, original, block);
    if (i === config.visionLayers - 1 && !patchesToo) ofClass = rest(classRow(context, attended));
    // Only where both streams are: before, the published code adds to a copy.
    const aliased = needs.aliasedTaps && i > config.visionLayers - needs.dualLayers;
    if (aliased && needs.taps.includes(i)) found[`tap${i}`] = slice(graph, attended, patchRows);
    original = rest(attended);
    record(`vision/layer${i}/ori`, original);
    if (needs.taps.includes(i + 1)) found[`tap${i + 1}`] = slice(graph, original, patchRows);
  }
  const projection = weight('visual.proj');
  if (patchesToo) ofClass = classRow(context, original);
  const classToken = record('vision/class', graph.view(ofClass, [batch, config.visionWidth]));
  const normed = needs.classNorm ? layerNorm(context, classToken, 'visual.ln_post') : classToken;
  const image = record('vision/cls_raw', matmul(graph, normed, projection));
  const unitImage = record('image/cls', l2norm(graph, image));
  found.image = needs.image === 'raw' ? image : unitImage;
  if (needs.patches !== 'none') {
    const normed = layerNorm(context, vv ?? original, 'visual.ln_post');
    const raw = record('vision/tokens_raw', matmul(graph, normed, projection));
    const unit = record('image/tokens', l2norm(graph, raw));
    found.patches = slice(graph, needs.patches === 'raw' ? raw : unit, patchRows);
  }
  for (const side of needs.windows)
    found[`window${side}`] = windowFeatures(context, tokens, config, { grid, side });
  return found;
}

/**
 * CLIP's own image feature, of a graph in which `encodeImage` was built: ln_post and projection of the original
 * stream's class token. FAPrompt's `ImageFeatures.image` leaves ln_post out.
 * @returns unit rows [B, E]
 */
export function clipFeature(model: ModelGraph): Tensor {
  const { graph, weight, records } = model;
  const token = records.get('vision/class')!;
  return l2norm(graph, matmul(graph, layerNorm(model, token, 'visual.ln_post'), weight('visual.proj')));
}

/** [class token | patches] + positions, before ln_pre: [B, 1 + grid^2, D]. */
function embedPatches(
  context: Context,
  images: Tensor,
  config: ClipConfig,
  { grid, positions: how }: { readonly grid: number; readonly positions: PositionResize },
): Tensor {
  const { graph, weight, record } = context;
  const width = config.visionWidth;
  const patches = record('vision/patch_embed', patchEmbedding(graph, images, weight('visual.conv1.weight')));
  const classToken = expand(graph, weight('visual.class_embedding'), [images.shape[0]!, 1, width]);
  const positions = record('vision/pos', positionTable(context, config, grid, how));
  return record('vision/embed', add(graph, concat(graph, [classToken, patches], 1), positions));
}
