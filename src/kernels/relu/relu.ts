import { defineActivation } from '../activation.ts';
import forward from './relu.wgsl';
import backward from './relu_grad.wgsl';

/** max(x, 0); the gradient at 0 is 0. */
export const { op: reluOp, apply: relu } = defineActivation({
  name: 'relu',
  forward,
  backward,
  flops: { forward: 1, backward: 1 },
});
