import { extremeInput, pointwiseTest, textMlpInput } from '../pointwise/pointwise.cases.ts';
import { geluOp } from './gelu.ts';

/** erfc(z) for z >= 0: Taylor series of erf where it converges fast, a continued fraction beyond. */
function erfc(z: number): number {
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 80; n += 1) {
      term *= -(z * z) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = z;
  for (let n = 60; n > 0; n -= 1) fraction = z + n / 2 / fraction;
  return Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction);
}

const cumulative = (x: number) => {
  const above = 0.5 * erfc(Math.abs(x) / Math.SQRT2);
  return x >= 0 ? 1 - above : above;
};
const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

export const geluTest = pointwiseTest(geluOp, {
  value: (x) => x * cumulative(x),
  derivative: (x) => cumulative(x) + x * density(x),
  inputs: {
    normal: { shape: [1023], values: (_, __, normal) => 4 * normal() },
    extreme: extremeInput,
    'text MLP': textMlpInput,
  },
});
