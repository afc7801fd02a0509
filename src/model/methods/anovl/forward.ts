// AnoVL's arithmetic on the tokens of an image (the equations are in anovl.ts).
import { add, affine } from '../../../kernels/elementwise/elementwise.ts';
import { l2norm } from '../../../kernels/l2norm/l2norm.ts';
import { linear, matmul } from '../../../kernels/matmul/matmul.ts';
import { reduce } from '../../../kernels/reduce/reduce.ts';
import { concat } from '../../../kernels/slice/slice.ts';
import { softmax } from '../../../kernels/softmax/softmax.ts';
import { tanh } from '../../../kernels/tanh/tanh.ts';
import type { Tensor } from '../../../kernels/tensor.ts';
import type { Context } from '../../context.ts';
import { abnormalChannel, probabilities } from '../../faprompt/similarity.ts';
import { upsampleAligned } from '../align-corners.ts';

/** The adapter's tensors and what it reads. */
export interface Adapter {
  /** [R, E] and [R], R rows of texts. */
  readonly weight: Tensor;
  readonly bias: Tensor;
  /** Unit text features: [R, E]. */
  readonly rows: Tensor;
  /** Abnormal less normal prototype: [1, E]. */
  readonly direction: Tensor;
}

/**
 * u(g(h)) T, less the normal cosine: [n, 2]. Softmax and losses depend on the difference alone, and prototypes are so
 * alike that taking it first keeps digits.
 * @param tokens V-V patch tokens, not normalised [n, E]
 */
export function adaptedCosines(
  { graph }: Context,
  tokens: Tensor,
  { weight, bias, rows, direction }: Adapter,
) {
  const hidden = tanh(graph, linear(graph, l2norm(graph, tokens), weight, { bias }));
  const g = add(graph, affine(graph, tokens, 0.5), matmul(graph, hidden, rows, { scale: 0.5 }));
  const n = tokens.shape[0]!;
  const difference = matmul(graph, l2norm(graph, g), direction, { transposeB: true });
  return concat(graph, [graph.constant('zeros', new Float32Array(n), [n, 1]), difference], 1);
}

/** The mean over 3 x 3 patches, borders repeated, as a matrix: [n, n]. */
export function poolMatrix(grid: number): Float32Array {
  const n = grid * grid;
  const matrix = new Float32Array(n * n);
  const inside = (i: number) => Math.min(Math.max(i, 0), grid - 1);
  for (let y = 0; y < grid; y++)
    for (let x = 0; x < grid; x++)
      for (let dy = -1; dy <= 1; dy++)
        for (let dx = -1; dx <= 1; dx++)
          matrix[(y * grid + x) * n + inside(y + dy) * grid + inside(x + dx)]! += 1 / 9;
  return matrix;
}

/** @param cosines of the adapted tokens [n, 2]. @returns probabilities [n, 2], pooled [1, g, g], map [1, S, S] */
export function anovlMap(context: Context, cosines: Tensor, size: number) {
  const { graph } = context;
  const n = cosines.shape[0]!;
  const grid = Math.sqrt(n);
  const probability = softmax(graph, cosines, { axis: 1 });
  const pool = graph.constant('pool', poolMatrix(grid), [n, n]);
  const pooled = graph.view(matmul(graph, pool, probability), [n, 2]);
  const abnormal = matmul(graph, pooled, graph.constant('abnormal', Float32Array.of(0, 1), [2, 1]));
  const image = graph.view(abnormal, [1, grid, grid]);
  return { probability, pooled: image, map: upsampleAligned(context, image, size) };
}

/** @param views unit class features [1, V, E]. @returns probabilities of the views [1, V], and their mean [1] */
export function viewScore(context: Context, views: Tensor, prototypes: Tensor) {
  const probability = abnormalChannel(context, probabilities(context, views, prototypes, 1));
  return { probability, score: reduce(context.graph, probability, { kind: 'mean', axis: 1 }) };
}

/** Abnormal less normal prototype. @param prototypes [2, E] */
export const directionOf = (prototypes: Float32Array): Float32Array => {
  const width = prototypes.length / 2;
  return Float32Array.from({ length: width }, (_, i) => prototypes[width + i]! - prototypes[i]!);
};
