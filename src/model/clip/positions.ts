// The trained position table, brought to another grid: three ways are in use, and they are not the same numbers.

import { matmul } from '../../kernels/matmul/matmul.ts';
import type { Builder } from '../../kernels/op.ts';
import { resizeBilinear } from '../../kernels/resize_bilinear/resize_bilinear.ts';
import { concat, slice } from '../../kernels/slice/slice.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import type { Context } from '../context.ts';
import type { ClipConfig } from './config.ts';

/**
 * `bilinear`: AnomalyCLIP, FAPrompt. `bicubic-antialias`: OpenCLIP (APRIL-GAN, AnoVL, WinCLIP); a = -0.5, weights cut at
 * the border and renormalised. `bicubic`: FiLO, AdaCLIP, BLIP; a = -0.75, four taps with clamped indices.
 */
export const positionResizes = ['bilinear', 'bicubic-antialias', 'bicubic'] as const;
export type PositionResize = (typeof positionResizes)[number];

/** CLIP's table for a grid. */
export const positionTable = (
  { graph, weight }: Context,
  config: ClipConfig,
  grid: number,
  how: PositionResize,
): Tensor =>
  resizePositions(graph, weight('visual.positional_embedding'), { trained: config.grid, grid }, how);

/**
 * The row of the class token as it is, the grid part resized (align_corners=False): [1 + grid^2, D].
 * @param table [1 + trained^2, D]
 */
export function resizePositions(
  graph: Builder,
  table: Tensor,
  { trained, grid }: { readonly trained: number; readonly grid: number },
  how: PositionResize,
): Tensor {
  if (grid === trained) return table;
  const width = table.shape[1]!;
  const ofClass = slice(graph, table, { axis: 0, start: 0, end: 1 });
  const ofGrid = slice(graph, table, { axis: 0, start: 1, end: 1 + trained ** 2 });
  if (how === 'bilinear') {
    const image = graph.view(ofGrid, [trained, trained, width]);
    const resized = resizeBilinear(graph, image, { height: grid, width: grid, channelsLast: true });
    return concat(graph, [ofClass, graph.view(resized, [grid * grid, width])], 0);
  }
  const matrix = graph.constant('positions/cubic', cubicMatrix(trained, grid, how), [grid, trained]);
  const rows = matmul(graph, matrix, graph.view(ofGrid, [trained, trained * width]));
  const both = matmul(graph, matrix, graph.view(rows, [grid, trained, width]));
  return concat(graph, [ofClass, graph.view(both, [grid * grid, width])], 0);
}

/** Weights of `from` samples in each of `to`: [to, from]; PyTorch's interpolation along one dimension. */
export function cubicMatrix(
  from: number,
  to: number,
  how: Exclude<PositionResize, 'bilinear'>,
): Float32Array {
  const antialias = how === 'bicubic-antialias';
  const a = antialias ? -0.5 : -0.75;
  const kernel = (x: number): number => {
    const t = Math.abs(x);
    if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
  };
  const scale = from / to;
  const matrix = new Float32Array(to * from);
  for (let o = 0; o < to; o++) {
    const centre = (o + 0.5) * scale;
    const row = new Float64Array(from);
    if (antialias) {
      const support = Math.max(scale, 1);
      const low = Math.max(Math.trunc(centre - 2 * support + 0.5), 0);
      const high = Math.min(Math.trunc(centre + 2 * support + 0.5), from);
      for (let i = low; i < high; i++) row[i] = kernel((i - centre + 0.5) / support);
      const sum = row.reduce((x, y) => x + y, 0);
      for (let i = low; i < high; i++) row[i]! /= sum;
    } else {
      const first = Math.floor(centre - 0.5);
      for (let i = first - 1; i < first + 3; i++)
        row[Math.min(Math.max(i, 0), from - 1)]! += kernel(centre - 0.5 - i);
    }
    matrix.set(row, o * from);
  }
  return matrix;
}
