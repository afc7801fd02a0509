// Bilinear interpolation with align_corners=True, as two products with a constant matrix: R L R^T. Gradients are the
// products' own.
import { matmul } from '../../kernels/matmul/matmul.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import type { Context } from '../context.ts';

/** Row o has the two weights of source coordinate o (from - 1) / (to - 1): [to, from]. */
export function alignedMatrix(from: number, to: number): Float32Array {
  const matrix = new Float32Array(to * from);
  for (let o = 0; o < to; o++) {
    const at = to === 1 ? 0 : (o * (from - 1)) / (to - 1);
    const low = Math.min(Math.floor(at), from - 1);
    const high = Math.min(low + 1, from - 1);
    matrix[o * from + low]! += 1 - (at - low);
    matrix[o * from + high]! += at - low;
  }
  return matrix;
}

/** @param x [N, g, g]. @returns [N, size, size] */
export function upsampleAligned({ graph }: Context, x: Tensor, size: number): Tensor {
  const grid = x.shape[1]!;
  const matrix = graph.constant(`upsample ${grid} to ${size}`, alignedMatrix(grid, size), [size, grid]);
  return matmul(graph, matmul(graph, matrix, x), matrix, { transposeB: true });
}
