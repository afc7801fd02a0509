// KgCoOp's loss L_kg (Yao et al., "Visual-Language Prompt Tuning with Knowledge-guided Context Optimization", CVPR 2023):
// prompts that stay near a written pair keep what that pair knows of images unlike those that they are trained on.
import { subtract } from '../../kernels/elementwise/elementwise.ts';
import { rowSquares } from '../../kernels/row_squares/row_squares.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import type { Context } from '../context.ts';

/**
 * Squared distance of unit prototypes to the written ones, 2 - 2 cos, in the mean over prototypes and images.
 * @param learned unit vectors, the normal one first: [B, 1 + N, E]
 * @param written unit vectors of the written pair, the normal one first: [2, E], each E numbers
 * @returns a scalar
 */
export function knowledgeLoss({ graph }: Context, learned: Tensor, written: Float32Array): Tensor {
  const [images, prototypes, width] = learned.shape as [number, number, number];
  const wanted = new Float32Array(prototypes * width);
  for (let i = 0; i < prototypes; i += 1) {
    const kind = Math.min(i, 1); // behind the normal one all are abnormal
    wanted.set(written.subarray(kind * width, (kind + 1) * width), i * width);
  }
  const target = graph.constant(`written/${prototypes}`, wanted, [1, prototypes, width]);
  const rows = images * prototypes;
  const distances = graph.view(subtract(graph, learned, target), [rows, width]);
  const all = graph.constant(`written/all/${rows}`, new Float32Array(rows), [rows]);
  return rowSquares(graph, distances, all, { scale: 1 / rows });
}
