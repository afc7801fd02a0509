import { defineActivation } from '../activation.ts';
import forward from './gelu.wgsl';
import backward from './gelu_grad.wgsl';

/** x * Phi(x), exact (not the tanh form): the activation of most OpenCLIP models. */
export const { op: geluOp, apply: gelu } = defineActivation({
  name: 'gelu',
  forward,
  backward,
  flops: { forward: 18, backward: 22 },
  items: 8,
});
