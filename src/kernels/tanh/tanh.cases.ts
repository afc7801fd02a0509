import { pointwiseTest } from '../pointwise/pointwise.cases.ts';
import { tanhOp } from './tanh.ts';

export const tanhTest = pointwiseTest(tanhOp, {
  value: Math.tanh,
  derivative: (x) => 1 / Math.cosh(x) ** 2,
  tolerance: 1e-6,
});
