import type { Reference, RefTensor } from '../op-test.ts';
import type { FocalAttrs } from './focal.ts';

/** Calls `visit` with every pixel's pt, its one-hot pair and the indices of its two probabilities. */
function eachPixel(
  prob: RefTensor,
  mask: RefTensor,
  smooth: number,
  visit: (pt: number, hot: [number, number], at: [number, number]) => void,
): void {
  const plane = prob.shape[2]! * prob.shape[3]!;
  const clamp = (v: number) => Math.min(Math.max(v, smooth), 1 - smooth);
  mask.data.forEach((m, i) => {
    const first = Math.floor(i / plane) * 2 * plane + (i % plane);
    const hot: [number, number] = [clamp(1 - m), clamp(m)];
    const pt = hot[0] * prob.data[first]! + hot[1] * prob.data[first + plane]! + smooth;
    visit(pt, hot, [first, first + plane]);
  });
}

const baseOf = (pt: number, gamma: number) => (gamma === 2 ? 1 - pt : Math.max(1 - pt, 0));

export const focalReference: Reference<FocalAttrs> = {
  forward({ gamma, smooth }, [prob, mask]) {
    let sum = 0;
    eachPixel(prob!, mask!, smooth, (pt) => {
      sum -= baseOf(pt, gamma) ** gamma * Math.log(pt);
    });
    return [{ shape: [], data: Float64Array.of(sum / mask!.data.length) }];
  },
  backward({ gamma, smooth }, [prob, mask], [dout]) {
    const data = new Float64Array(prob!.data.length);
    eachPixel(prob!, mask!, smooth, (pt, hot, at) => {
      const base = baseOf(pt, gamma);
      const inner = gamma === 0 || base === 0 ? 0 : gamma * base ** (gamma - 1) * Math.log(pt);
      const d = ((inner - base ** gamma / pt) * dout!.data[0]!) / mask!.data.length;
      data[at[0]] = d * hot[0];
      data[at[1]] = d * hot[1];
    });
    return [{ shape: prob!.shape, data }, undefined];
  },
};
