import type { Reference, RefTensor } from '../op-test.ts';

const rowsOf = ({ shape, data }: RefTensor): Float64Array[] => {
  const width = shape.at(-1)!;
  return Array.from({ length: data.length / width }, (_, i) => data.slice(i * width, (i + 1) * width));
};
const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
const inverse = (norm: number) => (norm > 0 ? 1 / norm : 0);

export const l2normReference: Reference<object> = {
  forward(_, [x]) {
    const rows = rowsOf(x!);
    const inverseNorm = Float64Array.from(rows, (row) => inverse(Math.sqrt(dot(row, row))));
    const data = Float64Array.from(rows.flatMap((row, i) => [...row.map((v) => v * inverseNorm[i]!)]));
    return [
      { shape: x!.shape, data },
      { shape: x!.shape.slice(0, -1), data: inverseNorm },
    ];
  },
  backward(_, [x], [dout]) {
    const upstream = rowsOf(dout!);
    const data = rowsOf(x!).flatMap((row, i) => {
      const norm = Math.sqrt(dot(row, row));
      const along = dot(row, upstream[i]!);
      return [...row.map((v, k) => upstream[i]![k]! * inverse(norm) - v * along * inverse(norm) ** 3)];
    });
    return [{ shape: x!.shape, data: Float64Array.from(data) }];
  },
};
