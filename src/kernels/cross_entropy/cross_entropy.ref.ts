import type { Reference, RefTensor } from '../op-test.ts';

const rowsOf = ({ shape, data }: RefTensor) => {
  const classes = shape[1]!;
  return Array.from({ length: shape[0]! }, (_, i) => data.subarray(i * classes, (i + 1) * classes));
};
const logSumExp = (row: Float64Array) => {
  const largest = Math.max(...row);
  return largest + Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0));
};

export const crossEntropyReference: Reference<Record<never, never>> = {
  forward(_, [logits, labels]) {
    const rows = rowsOf(logits!);
    const total = Float64Array.from(rows, logSumExp);
    const loss = total.map((value, i) => value - rows[i]![labels!.data[i]!]!);
    return [loss, total].map((data) => ({ shape: [rows.length], data }));
  },
  backward(_, [logits, labels], [dloss]) {
    const data = rowsOf(logits!).flatMap((row, i) => {
      const total = logSumExp(row);
      return [...row].map(
        (x, k) => (Math.exp(x - total) - (k === labels!.data[i] ? 1 : 0)) * dloss!.data[i]!,
      );
    });
    return [{ shape: logits!.shape, data: Float64Array.from(data) }, undefined];
  },
};
