import { definePointwise } from '../pointwise/pointwise.ts';
import shader from './tanh.wgsl';

/** tanh(x). */
export const { op: tanhOp, apply: tanh } = definePointwise('tanh', shader, { forward: 20, backward: 8 });
