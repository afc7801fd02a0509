import type { Reference, RefTensor } from '../op-test.ts';
import type { LayernormAttrs } from './layernorm.ts';

const average = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** Normalised rows and 1/std of each. */
function normalize(x: RefTensor, epsilon: number) {
  const width = x.shape.at(-1)!;
  return Array.from({ length: x.data.length / width }, (_, row) => {
    const values = x.data.slice(row * width, (row + 1) * width);
    const mean = average(values);
    const inverseStd = 1 / Math.sqrt(average(values.map((v) => (v - mean) ** 2)) + epsilon);
    return { mean, inverseStd, hat: values.map((v) => (v - mean) * inverseStd) };
  });
}

export const layernormReference: Reference<LayernormAttrs> = {
  forward({ epsilon }, [x, weight, bias]) {
    const rows = normalize(x!, epsilon);
    const shape = x!.shape.slice(0, -1);
    return [
      {
        shape: x!.shape,
        data: Float64Array.from(
          rows.flatMap(({ hat }) => [...hat.map((v, k) => v * weight!.data[k]! + bias!.data[k]!)]),
        ),
      },
      { shape, data: Float64Array.from(rows, (row) => row.mean) },
      { shape, data: Float64Array.from(rows, (row) => row.inverseStd) },
    ];
  },
  backward({ epsilon }, [x, weight], [dout]) {
    const width = weight!.data.length;
    const dx = new Float64Array(x!.data.length);
    const dweight = new Float64Array(width);
    const dbias = new Float64Array(width);
    normalize(x!, epsilon).forEach(({ hat, inverseStd }, row) => {
      const upstream = dout!.data.slice(row * width, (row + 1) * width);
      upstream.forEach((d, k) => {
        dweight[k]! += d * hat[k]!;
        dbias[k]! += d;
      });
      const dhat = upstream.map((d, k) => d * weight!.data[k]!);
      const mean = average(dhat);
      const along = average(dhat.map((d, k) => d * hat[k]!));
      dx.set(
        dhat.map((d, k) => inverseStd * (d - mean - hat[k]! * along)),
        row * width,
      );
    });
    return [
      { shape: x!.shape, data: dx },
      { shape: [width], data: dweight },
      { shape: [width], data: dbias },
    ];
  },
};

/** d loss / d x from [dout, x, weight] and, where given, what is added to it. */
export const layernormGradientReference: Reference<LayernormAttrs> = {
  forward(attrs, [dout, x, weight, addend]) {
    const [dx] = layernormReference.backward!(attrs, [x, weight], [dout]);
    return [
      {
        shape: x!.shape,
        data: addend ? dx!.data.map((value, i) => value + addend.data[i]!) : dx!.data,
      },
    ];
  },
};
