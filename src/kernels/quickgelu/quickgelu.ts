import { defineActivation } from '../activation.ts';
import forward from './quickgelu.wgsl';
import backward from './quickgelu_grad.wgsl';

/** x * sigmoid(1.702 x), CLIP's activation. */
export const {
  op: quickgeluOp,
  apply: quickgelu,
  gradient: quickgeluGradient,
} = defineActivation({ name: 'quickgelu', forward, backward, flops: { forward: 5, backward: 9 }, items: 16 });
