import type { Reference } from '../op.ts';

export const reluReference: Reference<object> = {
  forward: (_, [x]) => [{ shape: x!.shape, data: x!.data.map((v) => Math.max(v, 0)) }],
  backward: (_, [x], [dout]) => [
    { shape: x!.shape, data: dout!.data.map((d, i) => (x!.data[i]! > 0 ? d : 0)) },
  ],
};
