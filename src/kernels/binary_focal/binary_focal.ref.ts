import type { Reference } from '../op-test.ts';
import type { BinaryFocalAttrs } from './binary_focal.ts';

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

function crossEntropy(kind: BinaryFocalAttrs['kind'], x: number, y: number): number {
  if (kind === 'logits') return Math.max(x, 0) - x * y + Math.log1p(Math.exp(-Math.abs(x)));
  return -(y * Math.max(Math.log(x), -100) + (1 - y) * Math.max(Math.log(1 - x), -100));
}

export const binaryFocalReference: Reference<BinaryFocalAttrs> = {
  forward({ kind, gamma }, [score, labels]) {
    const data = score!.data.map((x, i) => {
      const bce = crossEntropy(kind, x, labels!.data[i]!);
      return (1 - Math.exp(-bce)) ** gamma * bce;
    });
    return [{ shape: score!.shape, data }];
  },
  backward({ kind, gamma }, [score, labels], [dloss]) {
    const data = score!.data.map((x, i) => {
      const y = labels!.data[i]!;
      const bce = crossEntropy(kind, x, y);
      const base = -Math.expm1(-bce);
      const byBce = gamma * base ** (gamma - 1) * Math.exp(-bce) * bce + base ** gamma;
      return dloss!.data[i]! * byBce * (kind === 'logits' ? sigmoid(x) - y : (x - y) / (x * (1 - x)));
    });
    return [{ shape: score!.shape, data }, undefined];
  },
};
