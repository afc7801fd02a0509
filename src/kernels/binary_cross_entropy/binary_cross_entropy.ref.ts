import type { Reference } from '../op-test.ts';

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

export const binaryCrossEntropyReference: Reference<object> = {
  forward: (_, [x, positive, negative]) => [
    {
      shape: x!.shape,
      data: x!.data.map((v, i) => positive!.data[i]! * softplus(-v) + negative!.data[i]! * softplus(v)),
    },
  ],
  backward: (_, [x, positive, negative], [dout]) => [
    {
      shape: x!.shape,
      data: x!.data.map(
        (v, i) => dout!.data[i]! * (negative!.data[i]! * sigmoid(v) - positive!.data[i]! * sigmoid(-v)),
      ),
    },
    undefined,
    undefined,
  ],
};
