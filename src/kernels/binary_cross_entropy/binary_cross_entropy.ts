import { perItem } from '../grid.ts';
import type { Builder, Dispatch, Op } from '../op.ts';
import { sumAll } from '../reduce/reduce.ts';
import { describe, elements, f32, ShapeError, sameShape, type Tensor } from '../tensor.ts';
import forwardShader from './binary_cross_entropy.wgsl';
import gradientShader from './binary_cross_entropy_grad.wgsl';

const items = 8; // per invocation: spreads the cost of starting one

const dispatch = (shader: Dispatch['shader'], bindings: Dispatch['bindings'], count: number): Dispatch => ({
  shader,
  bindings,
  uniforms: { count },
  ...perItem(count, { ITEMS: items }),
});

/** Per element; `binaryCrossEntropy` adds them up. Inputs of one shape: logits, positive and negative weights. */
export const binaryCrossEntropyOp: Op<object> = {
  name: 'binary_cross_entropy',
  outputs(_, [x, positive, negative]) {
    for (const t of [x, positive, negative])
      if (!x || t?.dtype !== 'f32' || !sameShape(t.shape, x.shape))
        throw new ShapeError('binary_cross_entropy', `f32 weights as the logits ${describe(x)}`, describe(t));
    return [f32(...x!.shape)];
  },
  dispatches: ({ inputs: [x, positive, negative], outputs: [out] }) => [
    dispatch(forwardShader, { x, positive, negative, out }, elements(x!.shape)),
  ],
  cost: ({ inputs: [x] }) => ({ flops: 9 * elements(x!.shape) }),
  gradient({ inputs: [x, positive, negative], upstream: [dout], needs, builder: g }) {
    if (needs[1] || needs[2]) throw new Error('binary_cross_entropy: there is no gradient of the weights');
    return g.apply(gradientOp, {}, [x, positive, negative, dout]);
  },
};

const gradientOp: Op<object> = {
  name: 'binary_cross_entropy_grad',
  outputs: (_, [x]) => [f32(...x!.shape)],
  dispatches: ({ inputs: [x, positive, negative, dout], outputs: [dx] }) => [
    dispatch(gradientShader, { x, positive, negative, dout, dx }, elements(x!.shape)),
  ],
  cost: ({ inputs: [x] }) => ({ flops: 10 * elements(x!.shape) }),
};

/**
 * Sum over the elements of -positive log sigmoid(logit) - negative log sigmoid(-logit): the cross entropy of a softmax
 * over two classes whose logits differ by `logits`.
 * @param positive weights of the class "yes", @param negative of "no", both of the logits' shape, without gradient
 * @returns a scalar. @throws ShapeError
 */
export const binaryCrossEntropy = (g: Builder, logits: Tensor, positive: Tensor, negative: Tensor): Tensor =>
  sumAll(g, g.apply(binaryCrossEntropyOp, {}, [logits, positive, negative])[0]!);
