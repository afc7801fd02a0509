// Patch and image probabilities: softmax over {normal, abnormal} of cosine / temperature.
import { matmul } from '../../kernels/matmul/matmul.ts';
import { max } from '../../kernels/reduce/reduce.ts';
import { resizeBilinear } from '../../kernels/resize_bilinear/resize_bilinear.ts';
import { concat, slice } from '../../kernels/slice/slice.ts';
import { softmax } from '../../kernels/softmax/softmax.ts';
import { elements, type Tensor } from '../../kernels/tensor.ts';
import type { Context } from '../context.ts';

/**
 * Cosines of n feature vectors with the normal prototype and with the abnormal one that is most similar: [B, 2, n].
 * @param features unit vectors [B, n, E]
 * @param text unit prototypes [B or 1, 1 + A, E], the normal one first
 */
export function cosines({ graph }: Context, features: Tensor, text: Tensor): Tensor {
  const all = matmul(graph, text, features, { transposeB: true });
  const [images, prototypes, count] = all.shape as [number, number, number];
  if (prototypes === 2) return all;
  const part = (start: number, end: number) => slice(graph, all, { axis: 1, start, end });
  const [best] = max(graph, part(1, prototypes), 1);
  return concat(graph, [part(0, 1), graph.view(best, [images, 1, count])], 1);
}

/** Probabilities of n feature vectors: [B, 2, n], channel 0 normal, 1 abnormal. The arguments are those of `cosines`. */
export const probabilities = (
  context: Context,
  features: Tensor,
  text: Tensor,
  temperature: number,
): Tensor => softmax(context.graph, cosines(context, features, text), { axis: 1, scale: 1 / temperature });

/** Channel 1 of [B, 2, n]: [B, n]. */
export const abnormalChannel = ({ graph }: Context, p: Tensor): Tensor =>
  graph.view(slice(graph, p, { axis: 1, start: 1, end: 2 }), [p.shape[0]!, elements(p.shape.slice(2))]);

/** Bilinear upsampling of patch probabilities [B, 2, grid^2] to the image: [B, 2, S, S]. */
export function probabilityMap({ graph }: Context, p: Tensor, size: number): Tensor {
  const grid = Math.sqrt(p.shape[2]!);
  return resizeBilinear(graph, graph.view(p, [p.shape[0]!, 2, grid, grid]), { height: size, width: size });
}

/** The largest abnormal patch probability of each image: [B]. */
export const largest = (context: Context, p: Tensor): Tensor => max(context.graph, p, 2, 1)[0];
