import { extremeInput, pointwiseTest } from '../pointwise/pointwise.cases.ts';
import { sigmoidOp } from './sigmoid.ts';

export const sigmoidTest = pointwiseTest(sigmoidOp, {
  value: (x) => 1 / (1 + Math.exp(-x)),
  derivative: (x) => Math.exp(-Math.abs(x)) / (1 + Math.exp(-Math.abs(x))) ** 2,
  inputs: { extremes: extremeInput },
});
