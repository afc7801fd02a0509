import type { Reference } from '../op-test.ts';
import type { RowSquaresAttrs } from './row_squares.ts';

export const rowSquaresReference: Reference<RowSquaresAttrs> = {
  forward({ scale }, [x, labels]) {
    const width = x!.shape[1]!;
    const sum = x!.data.reduce((s, v, i) => s + (1 - labels!.data[Math.floor(i / width)]!) * v * v, 0);
    return [{ shape: [], data: Float64Array.of(scale * sum) }];
  },
  backward({ scale }, [x, labels], [dout]) {
    const width = x!.shape[1]!;
    const data = x!.data.map(
      (v, i) => dout!.data[0]! * 2 * scale * (1 - labels!.data[Math.floor(i / width)]!) * v,
    );
    return [{ shape: x!.shape, data }, undefined];
  },
};
