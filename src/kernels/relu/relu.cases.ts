import { pointwiseTest } from '../pointwise/pointwise.cases.ts';
import { reluOp } from './relu.ts';

export const reluTest = pointwiseTest(reluOp, {
  value: (x) => Math.max(x, 0),
  derivative: (x) => Number(x > 0),
  inputs: {
    zeros: { shape: [65], values: (i) => (i % 3) - 1 },
    'prior network': { shape: [8, 480] },
  },
});
