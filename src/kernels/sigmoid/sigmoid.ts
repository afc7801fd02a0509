import { definePointwise } from '../pointwise/pointwise.ts';
import shader from './sigmoid.wgsl';

/** 1 / (1 + e^-x): the softmax of two, [0, x], whose gradient keeps its digits however unlike the two derivatives are. */
export const { op: sigmoidOp, apply: sigmoid } = definePointwise('sigmoid', shader, {
  forward: 4,
  backward: 6,
});
