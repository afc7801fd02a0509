import { definePointwise } from '../pointwise/pointwise.ts';
import shader from './relu.wgsl';

/** max(x, 0); the gradient at 0 is 0. */
export const {
  op: reluOp,
  gradientOp: reluGradientOp,
  apply: relu,
  gradient: reluGradient,
} = definePointwise('relu', shader, { forward: 1, backward: 1 });
