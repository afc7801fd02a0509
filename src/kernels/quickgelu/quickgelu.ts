import { definePointwise } from '../pointwise/pointwise.ts';
import shader from './quickgelu.wgsl';

/** x * sigmoid(1.702 x), CLIP's activation. */
export const {
  op: quickgeluOp,
  gradientOp: quickgeluGradientOp,
  apply: quickgelu,
  gradient: quickgeluGradient,
} = definePointwise('quickgelu', shader, { forward: 5, backward: 9 });
