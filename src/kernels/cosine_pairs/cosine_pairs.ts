import { perItem, perTask } from '../grid.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { describe, elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import forwardShader from './cosine_pairs.wgsl';
import gradientShader from './cosine_pairs_grad.wgsl';
import sumShader from './cosine_pairs_sum.wgsl';

/** Sum over i < j of |cos(f_i, f_j)|; also gives the cosines (0 on the diagonal) and 1/|f_i|. */
export const cosinePairsOp: Op<object> = {
  name: 'cosine_pairs',
  outputs(_, [features]) {
    if (features?.dtype !== 'f32' || features.shape.length !== 2 || elements(features.shape) === 0)
      throw new ShapeError('cosine_pairs', 'f32 [K, D] with elements', describe(features));
    const rows = features.shape[0]!;
    return [f32(), f32(rows, rows), f32(rows)];
  },
  dispatches({ inputs: [features], outputs: [out, cosine, inverse_norm] }): Dispatch[] {
    const [rows, width] = features!.shape as [number, number];
    return [
      {
        shader: forwardShader,
        bindings: { features, cosine, inverse_norm },
        uniforms: { rows, width },
        ...perTask(rows * rows),
      },
      {
        shader: sumShader,
        bindings: { cosine, out },
        uniforms: { rows },
        ...perTask(1),
      },
    ];
  },
  cost: ({ inputs: [features] }) => ({ flops: 6 * features!.shape[0]! * elements(features!.shape) }),
  gradient: ({ inputs: [features], outputs: [, cosine, inverseNorm], upstream: [dout], builder: g }) =>
    g.apply(cosinePairsGradientOp, {}, [features, cosine, inverseNorm, dout]),
};

const cosinePairsGradientOp: Op<object> = {
  name: 'cosine_pairs_grad',
  addend: 4,
  outputs: (_, [features]) => [f32(...features!.shape)],
  dispatches({ inputs: [features, cosine, inverse_norm, dout, addend], outputs: [dfeatures] }) {
    const [rows, width] = features!.shape as [number, number];
    return [
      {
        shader: gradientShader,
        bindings: { features, cosine, inverse_norm, dout, addend, dfeatures },
        uniforms: { rows, width },
        ...perItem(rows * width, { ADDEND: addend !== undefined }),
      },
    ];
  },
  cost: ({ outputs: [dfeatures] }) => ({ flops: 5 * dfeatures!.shape[0]! * elements(dfeatures!.shape) }),
};

/**
 * FAPrompt's orthogonal loss: the sum over all pairs i < j of |cos(f_i, f_j)|, 0 for a single row. The gradient of |0|
 * is 0; a row of zeros has cosine 0 to every other and no gradient.
 * @param features [K, D] @returns a scalar. @throws ShapeError.
 */
export const cosinePairs = (g: Builder, features: Tensor): Tensor =>
  g.apply(cosinePairsOp, {}, [features])[0]!;
