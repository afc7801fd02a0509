import { type Builder, elements, f32, type Op, ShapeError, sameShape, spread, type Tensor } from '../op.ts';
import forwardShader from './quickgelu.wgsl';
import gradientShader from './quickgelu_grad.wgsl';

const workgroup = 64;
const items = 8; // per invocation of the elementwise shaders: spreads the cost of starting one

/** x * sigmoid(1.702 x), CLIP's activation. */
export const quickgeluOp: Op<object> = {
  name: 'quickgelu',
  outputs(_, [x]) {
    if (x?.dtype !== 'f32') throw new ShapeError('quickgelu', 'an f32 tensor', x?.dtype ?? 'nothing');
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
  cost: ({ inputs: [x] }) => ({ flops: 5 * elements(x!.shape) }),
  gradient: ({ inputs: [x], upstream: [dout], builder: g }) => [quickgeluGradient(g, x!, dout!)],
};

const quickgeluGradientOp: Op<object> = {
  name: 'quickgelu_grad',
  outputs(_, [x, dout]) {
    if (!x || !dout || !sameShape(x.shape, dout.shape))
      throw new ShapeError(
        'quickgelu_grad',
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
  cost: ({ inputs: [x] }) => ({ flops: 9 * elements(x!.shape) }),
};

/** x * sigmoid(1.702 x) for a tensor of any shape. @throws ShapeError for another type than f32. */
export const quickgelu = (g: Builder, x: Tensor): Tensor => g.apply(quickgeluOp, {}, [x])[0]!;

/** d loss / d x of quickgelu from its input `x` and d loss / d output. @throws ShapeError where the shapes differ. */
export const quickgeluGradient = (g: Builder, x: Tensor, dout: Tensor): Tensor =>
  g.apply(quickgeluGradientOp, {}, [x, dout])[0]!;
