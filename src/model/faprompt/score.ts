import { add, affine } from '../../kernels/elementwise/elementwise.ts';
import { gaussianBlur } from '../../kernels/gaussian_blur/gaussian_blur.ts';
import type { Tensor } from '../../kernels/op.ts';
import { slice } from '../../kernels/slice/slice.ts';
import type { Context } from '../context.ts';
import type { Forward } from './forward.ts';

/** Sigma of the smoothing at test time: 10 pixels at the paper's 518, the same share of other sizes. */
export const smoothingSigma = (size: number): number => (10 * size) / 518;

/** (S1a + 1 - S1n + S2a + 1 - S2n) / 4, in [0, 1]: [B, S, S]. */
export function anomalyMap({ graph }: Context, { maps }: Pick<Forward, 'maps'>): Tensor {
  const [images, , height, width] = maps[0].shape as [number, number, number, number];
  const sum = add(graph, maps[0], maps[1]);
  const channel = (i: number) =>
    graph.view(slice(graph, sum, { axis: 1, start: i, end: i + 1 }), [images, height, width]);
  return add(graph, affine(graph, channel(1), 0.25), affine(graph, channel(0), -0.25, 0.5));
}

/** The map as it is shown: smoothed by a Gaussian of `sigma` pixels (truncate 4, half-sample symmetric borders). */
export const smoothedMap = (context: Context, map: Tensor, sigma: number): Tensor =>
  gaussianBlur(context.graph, map, { sigma });
