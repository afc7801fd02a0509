import type { Reference, RefTensor } from '../op-test.ts';

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

function unitRows({ shape, data }: RefTensor) {
  const width = shape[1]!;
  return Array.from({ length: shape[0]! }, (_, i) => {
    const row = data.slice(i * width, (i + 1) * width);
    const norm = Math.sqrt(dot(row, row)) || Number.POSITIVE_INFINITY; // rows of zeros stay zeros
    return { norm, unit: row.map((v) => v / norm) };
  });
}

export const cosinePairsReference: Reference<object> = {
  forward(_, [features]) {
    const rows = unitRows(features!);
    let sum = 0;
    rows.forEach((a, i) => {
      for (const b of rows.slice(i + 1)) sum += Math.abs(dot(a.unit, b.unit));
    });
    return [{ shape: [], data: Float64Array.of(sum) }];
  },
  backward(_, [features], [dout]) {
    const rows = unitRows(features!);
    const data = rows.flatMap((a, i) => {
      // d loss / d unit_i, then through the normalisation
      const d = new Float64Array(a.unit.length);
      rows.forEach((b, j) => {
        if (j === i) return;
        const sign = Math.sign(dot(a.unit, b.unit));
        for (let k = 0; k < d.length; k += 1) d[k]! += dout!.data[0]! * sign * b.unit[k]!;
      });
      const along = dot(d, a.unit);
      return [...d.map((v, k) => (v - along * a.unit[k]!) / a.norm)];
    });
    return [{ shape: features!.shape, data: Float64Array.from(data) }];
  },
};
