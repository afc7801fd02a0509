// What a method takes from BLIP's image encoder, under the names that CLIP's features have.

import { slice } from '../../kernels/slice/slice.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import type { ImageNeeds } from '../clip/needs.ts';
import type { Context } from '../context.ts';
import type { BlipConfig } from './config.ts';
import { encodeBlipImage, imageFeatures } from './vision.ts';

/**
 * Encodes normalised images [B, 3, S, S] into what `needs` wants (`featureShapes`). BLIP has one way to norm the class
 * token and to resize positions: `classNorm` and `positions` say nothing here.
 * @throws RangeError for windows, which would need the tokens before CLIP's ln_pre
 */
export function encodeBlipFeatures(
  context: Context,
  images: Tensor,
  config: BlipConfig,
  needs: ImageNeeds,
): Record<string, Tensor> {
  const { graph, record } = context;
  if (needs.windows.length + needs.vvTaps.length > 0)
    throw new RangeError("windows of patches and V-V taps need a CLIP's image encoder, found a BLIP's");
  const { tokens, vv, taps } = encodeBlipImage(context, images, config, needs);
  const [batch, count, width] = tokens.shape as [number, number, number];
  const classToken = graph.view(slice(graph, tokens, { axis: 1, start: 0, end: 1 }), [batch, width]);
  const image = record('image/cls', imageFeatures(context, classToken, needs.image === 'unit'));
  const found: Record<string, Tensor> = { image };
  if (needs.patches !== 'none') {
    const patches = slice(graph, vv ?? tokens, { axis: 1, start: 1, end: count });
    found.patches = imageFeatures(context, patches, needs.patches === 'unit');
  }
  for (const [block, tap] of taps) found[`tap${block}`] = tap;
  return found;
}
