import { type Builder, elements, f32, type Op, ShapeError, sameShape, spread, type Tensor } from '../op.ts';
import forwardShader from './gelu.wgsl';
import gradientShader from './gelu_grad.wgsl';

const workgroup = 64;
const items = 8; // per invocation of the elementwise shaders: spreads the cost of starting one

/** x * Phi(x), exact (not the tanh form): the activation of most OpenCLIP models. */
export const geluOp: Op<object> = {
  name: 'gelu',
  outputs(_, [x]) {
    if (x?.dtype !== 'f32') throw new ShapeError('gelu', 'an f32 tensor', x?.dtype ?? 'nothing');
    return [f32(...x.shape)];
  },
  dispatches({ inputs: [x], outputs: [out] }) {
    const count = elements(out!.shape);
    return [
      {
        shader: forwardShader,
        bindings: { x, out },
        uniforms: { count },
        overrides: { WORKGROUP: workgroup, ITEMS: items },
        workgroups: spread(Math.ceil(count / (workgroup * items))),
      },
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: 18 * elements(x!.shape) }),
  gradient: ({ inputs: [x], upstream: [dout], builder: g }) => [geluGradient(g, x!, dout!)],
};

const geluGradientOp: Op<object> = {
  name: 'gelu_grad',
  outputs(_, [x, dout]) {
    if (!x || !dout || !sameShape(x.shape, dout.shape))
      throw new ShapeError(
        'gelu_grad',
        'two tensors of the same shape',
        `[${x?.shape.join(', ')}] and [${dout?.shape.join(', ')}]`,
      );
    return [f32(...x.shape)];
  },
  dispatches({ inputs: [x, dout], outputs: [dx] }) {
    const count = elements(dx!.shape);
    return [
      {
        shader: gradientShader,
        bindings: { x, dout, dx },
        uniforms: { count },
        overrides: { WORKGROUP: workgroup, ITEMS: items },
        workgroups: spread(Math.ceil(count / (workgroup * items))),
      },
    ];
  },
  cost: ({ inputs: [x] }) => ({ flops: 22 * elements(x!.shape) }),
};

/** x * Phi(x) for a tensor of any shape. @throws ShapeError for another type than f32. */
export const gelu = (g: Builder, x: Tensor): Tensor => g.apply(geluOp, {}, [x])[0]!;

/** d loss / d x of gelu from its input `x` and d loss / d output. @throws ShapeError where the shapes differ. */
export const geluGradient = (g: Builder, x: Tensor, dout: Tensor): Tensor =>
  g.apply(geluGradientOp, {}, [x, dout])[0]!;
