import type { Builder, Op } from '../op.ts';
import { rowDispatch, rowVariants } from '../row-lanes.ts';
import { describe, elements, f32, ShapeError, type Tensor } from '../tensor.ts';
import forwardShader from './l2norm.wgsl';
import gradientShader from './l2norm_grad.wgsl';
import serialGradientShader from './l2norm_grad_serial.wgsl';
import serialShader from './l2norm_serial.wgsl';

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
    const width = x!.shape.at(-1)!;
    const { serial, ...grid } = rowDispatch(capabilities, rows, width, variant);
    return [
      {
        shader: serial ? serialShader : forwardShader,
        bindings: { x, out, inverse_norm },
        uniforms: { rows, width },
        ...grid,
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
    const width = out!.shape.at(-1)!;
    const { serial, ...grid } = rowDispatch(capabilities, rows, width, variant);
    return [
      {
        shader: serial ? serialGradientShader : gradientShader,
        bindings: { out, inverse_norm, dout, dx },
        uniforms: { rows, width },
        ...grid,
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
