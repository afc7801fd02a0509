import { defineActivation } from '../activation.ts';
import forward from './exp.wgsl';
import backward from './exp_grad.wgsl';

/** exp(x). */
export const { op: expOp, apply: exp } = defineActivation({
  name: 'exp',
  forward,
  backward,
  flops: { forward: 1, backward: 2 },
});
