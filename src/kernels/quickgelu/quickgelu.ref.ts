import type { Reference } from '../op.ts';

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

export const quickgeluReference: Reference<object> = {
  forward: (_, [x]) => [{ shape: x!.shape, data: x!.data.map((v) => v * sigmoid(1.702 * v)) }],
  backward: (_, [x], [dout]) => [
    {
      shape: x!.shape,
      data: x!.data.map((v, i) => {
        const s = sigmoid(1.702 * v);
        return dout!.data[i]! * (s + 1.702 * v * s * (1 - s));
      }),
    },
  ],
};
