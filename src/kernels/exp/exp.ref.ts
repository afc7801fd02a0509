import type { Reference } from '../op.ts';

export const expReference: Reference<object> = {
  forward: (_, [x]) => [{ shape: x!.shape, data: x!.data.map(Math.exp) }],
  backward: (_, [x], [dout]) => [
    { shape: x!.shape, data: dout!.data.map((d, i) => Math.exp(x!.data[i]!) * d) },
  ],
};
