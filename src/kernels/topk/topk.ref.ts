import type { Reference } from '../op-test.ts';
import type { TopkAttrs } from './topk.ts';

const descending = (a: number, b: number) =>
  Number.isNaN(a) || Number.isNaN(b)
    ? Number(Number.isNaN(b)) - Number(Number.isNaN(a))
    : a < b
      ? 1
      : a > b
        ? -1
        : 0;

export const topkReference: Reference<TopkAttrs> = {
  forward({ k }, [x]) {
    const [rows, length] = x!.shape as [number, number];
    const order = Array.from({ length: rows }, (_, row) => {
      const values = x!.data.subarray(row * length, (row + 1) * length);
      // Array.sort is stable: equal values keep the order of their indices.
      return [...values.keys()].sort((i, j) => descending(values[i]!, values[j]!)).slice(0, k);
    });
    const shape = [rows, k];
    return [
      {
        shape,
        data: Float64Array.from(order.flatMap((is, row) => is.map((i) => x!.data[row * length + i]!))),
      },
      { shape, data: Float64Array.from(order.flat()) },
    ];
  },
};
