import { extremeInput, pointwiseTest, textMlpInput } from '../pointwise/pointwise.cases.ts';
import { quickgeluOp } from './quickgelu.ts';

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

export const quickgeluTest = pointwiseTest(quickgeluOp, {
  value: (x) => x * sigmoid(1.702 * x),
  derivative: (x) => {
    const s = sigmoid(1.702 * x);
    return s + 1.702 * x * s * (1 - s);
  },
  inputs: {
    normal: { shape: [1023], values: (_, __, normal) => 4 * normal() },
    extreme: extremeInput,
    'text MLP': textMlpInput,
  },
});
