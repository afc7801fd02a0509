import { type Builder, describe, elements, f32, type Op, ShapeError, spread, type Tensor } from '../op.ts';
import { lanesPerRow, rowVariants } from '../row-lanes.ts';
import forwardShader from './l2norm.wgsl';
import gradientShader from './l2norm_grad.wgsl';

/** x / |x| over the last dimension; also gives 1/|x|. A row of zeros gives zeros, 1/|x| = 0 and a gradient of 0. */
export const l2normOp: Op<object> = {
  name: 'l2norm',
  variants: rowVariants,
  outputs(_, [x]) {
    if (x?.dtype !== 'f32' || !x.shape.at(-1))
      throw new ShapeError('l2norm', 'f32 [..., width] with elements', describe(x));
    return [f32(...x.shape), f32(...x.shape.slice(0, -1))];
  },
  dispatches({ inputs: [x], outputs: [out, inverse_norm], capabilities, variant }) {
    const rows = elements(inverse_norm!.shape);
    return [
      {
        shader: forwardShader,
        bindings: { x, out, inverse_norm },
        uniforms: { rows, width: x!.shape.at(-1)! },
        overrides: { WORKGROUP: lanesPerRow(capabilities, variant) },
        workgroups: spread(rows),
      },
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: 3 * elements(x!.shape) }),
  gradient: ({ outputs: [out, inverseNorm], upstream: [dout], builder: g }) =>
    g.apply(l2normGradientOp, {}, [out, inverseNorm, dout]),
};

const l2normGradientOp: Op<object> = {
  name: 'l2norm_grad',
  variants: rowVariants,
  outputs: (_, [out]) => [f32(...out!.shape)],
  dispatches({ inputs: [out, inverse_norm, dout], outputs: [dx], capabilities, variant }) {
    const rows = elements(inverse_norm!.shape);
    return [
      {
        shader: gradientShader,
        bindings: { out, inverse_norm, dout, dx },
        uniforms: { rows, width: out!.shape.at(-1)! },
        overrides: { WORKGROUP: lanesPerRow(capabilities, variant) },
        workgroups: spread(rows),
      },
    ];
  },
  cost: ({ outputs: [dx] }) => ({ flops: 5 * elements(dx!.shape) }),
};

/**
 * x / |x| over the last dimension, without an epsilon. Where |x| = 0 the output and the gradient are 0 (dividing would
 * give NaN). @throws ShapeError for another type than f32.
 */
export const l2norm = (g: Builder, x: Tensor): Tensor => g.apply(l2normOp, {}, [x])[0]!;
