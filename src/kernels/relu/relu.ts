import { type Builder, elements, f32, type Op, ShapeError, spread, type Tensor } from '../op.ts';
import forwardShader from './relu.wgsl';
import gradientShader from './relu_grad.wgsl';

const workgroup = 64;

/** max(x, 0); the gradient at 0 is 0. */
export const reluOp: Op<object> = {
  name: 'relu',
  outputs(_, [x]) {
    if (x?.dtype !== 'f32') throw new ShapeError('relu', 'an f32 tensor', x?.dtype ?? 'nothing');
    return [f32(...x.shape)];
  },
  dispatches({ inputs: [x], outputs: [out] }) {
    const count = elements(out!.shape);
    return [
      {
        shader: forwardShader,
        bindings: { x, out },
        uniforms: { count },
        overrides: { WORKGROUP: workgroup },
        workgroups: spread(Math.ceil(count / workgroup)),
      },
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: elements(x!.shape) }),
  gradient: ({ inputs: [x], upstream: [dout], builder: g }) => g.apply(reluGradientOp, {}, [x, dout]),
};

const reluGradientOp: Op<object> = {
  name: 'relu_grad',
  outputs: (_, [x]) => [f32(...x!.shape)],
  dispatches({ inputs: [x, dout], outputs: [dx] }) {
    const count = elements(dx!.shape);
    return [
      {
        shader: gradientShader,
        bindings: { x, dout, dx },
        uniforms: { count },
        overrides: { WORKGROUP: workgroup },
        workgroups: spread(Math.ceil(count / workgroup)),
      },
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: elements(x!.shape) }),
};

/** max(x, 0) for a tensor of any shape. @throws ShapeError for another type than f32. */
export const relu = (g: Builder, x: Tensor): Tensor => g.apply(reluOp, {}, [x])[0]!;
