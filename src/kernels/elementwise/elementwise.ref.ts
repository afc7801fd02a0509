import type { Reference } from '../op-test.ts';
import { elements, type Shape } from '../tensor.ts';
import { broadcastShape } from './broadcast.ts';
import type { BinaryAttrs, CombineAttrs } from './elementwise.ts';

/** Flat indices into an operand of `shape` for the elements of `out`. */
export function sourceIndices(out: Shape, shape: Shape): (i: number) => number {
  if (elements(shape) === elements(out)) return (i) => i;
  if (elements(shape) === 1) return () => 0;
  return (i) => {
    let rest = i;
    let index = 0;
    let stride = 1;
    for (let axis = out.length - 1; axis >= 0; axis -= 1) {
      const at = rest % out[axis]!;
      rest = (rest - at) / out[axis]!;
      const size = shape[axis - out.length + shape.length] ?? 1;
      if (size !== 1) index += at * stride;
      stride *= size;
    }
    return index;
  };
}

const forward = {
  add: (x: number, y: number) => x + y,
  subtract: (x: number, y: number) => x - y,
  multiply: (x: number, y: number) => x * y,
  divide: (x: number, y: number) => x / y,
};
const partials = {
  add: () => [1, 1],
  subtract: () => [1, -1],
  multiply: (x: number, y: number) => [y, x],
  divide: (x: number, y: number) => [1 / y, -x / (y * y)],
};

export const binaryReference: Reference<BinaryAttrs> = {
  forward({ operation }, [a, b]) {
    const shape = broadcastShape(operation, a!.shape, b!.shape);
    const [ofA, ofB] = [sourceIndices(shape, a!.shape), sourceIndices(shape, b!.shape)];
    const data = new Float64Array(elements(shape));
    for (let i = 0; i < data.length; i += 1) data[i] = forward[operation](a!.data[ofA(i)]!, b!.data[ofB(i)]!);
    return [{ shape, data }];
  },
  backward({ operation }, [a, b], [dout]) {
    const da = { shape: a!.shape, data: new Float64Array(a!.data.length) };
    const db = { shape: b!.shape, data: new Float64Array(b!.data.length) };
    const [ofA, ofB] = [sourceIndices(dout!.shape, a!.shape), sourceIndices(dout!.shape, b!.shape)];
    dout!.data.forEach((d, i) => {
      const ia = ofA(i);
      const ib = ofB(i);
      const [pa, pb] = partials[operation](a!.data[ia]!, b!.data[ib]!);
      da.data[ia]! += d * pa!;
      db.data[ib]! += d * pb!;
    });
    return [da, db];
  },
};

export const combineReference: Reference<CombineAttrs> = {
  forward: ({ weights }, inputs) => [
    {
      shape: inputs[0]!.shape,
      data: inputs[0]!.data.map((_, i) => inputs.reduce((sum, x, k) => sum + weights[k]! * x!.data[i]!, 0)),
    },
  ],
};
