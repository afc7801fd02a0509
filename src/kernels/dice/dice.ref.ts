import type { Reference, RefTensor } from '../op-test.ts';
import type { DiceAttrs } from './dice.ts';

/** Every image's predictions (with their place in prob), targets, numerator and denominator. */
function images(prob: RefTensor, mask: RefTensor, { channel, smooth }: DiceAttrs) {
  const plane = prob.shape[2]! * prob.shape[3]!;
  return Array.from({ length: prob.shape[0]! }, (_, i) => {
    const start = (2 * i + channel) * plane;
    const a = prob.data.slice(start, start + plane);
    const m = mask.data.slice(i * plane, (i + 1) * plane);
    const b = channel === 1 ? m : m.map((v) => 1 - v);
    const sum = (values: Float64Array) => values.reduce((s, v) => s + v, 0);
    return {
      start,
      b,
      numerator: 2 * sum(a.map((v, k) => v * b[k]!)) + smooth,
      denominator: sum(a) + sum(b) + smooth,
    };
  });
}

export const diceReference: Reference<DiceAttrs> = {
  forward(attrs, [prob, mask]) {
    const dice = images(prob!, mask!, attrs).map((image) => image.numerator / image.denominator);
    return [{ shape: [], data: Float64Array.of(1 - dice.reduce((sum, d) => sum + d, 0) / dice.length) }];
  },
  backward(attrs, [prob, mask], [dout]) {
    const data = new Float64Array(prob!.data.length);
    for (const { start, b, numerator, denominator } of images(prob!, mask!, attrs)) {
      // The quotient rule: d numerator / d a = 2 b, d denominator / d a = 1.
      b.forEach((target, k) => {
        const slope = (2 * target * denominator - numerator) / denominator ** 2;
        data[start + k] = (-slope * dout!.data[0]!) / prob!.shape[0]!;
      });
    }
    return [{ shape: prob!.shape, data }, undefined];
  },
};
