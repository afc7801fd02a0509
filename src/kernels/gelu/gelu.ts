import { definePointwise } from '../pointwise/pointwise.ts';
import shader from './gelu.wgsl';

/** x * Phi(x), exact (not the tanh form): the activation of most OpenCLIP models. */
export const { op: geluOp, apply: gelu } = definePointwise('gelu', shader, { forward: 18, backward: 22 });
