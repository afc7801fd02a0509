import type { Reference, RefTensor } from '../op-test.ts';
import { elements, type Shape } from '../tensor.ts';
import { broadcastShape } from './broadcast.ts';
import type { BinaryAttrs, ExpandAttrs } from './elementwise.ts';

/** Flat index into an operand of `shape` for the i-th element of `out`. */
function sourceIndex(i: number, out: Shape, shape: Shape): number {
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
    const data = Float64Array.from({ length: elements(shape) }, (_, i) =>
      forward[operation](
        a!.data[sourceIndex(i, shape, a!.shape)]!,
        b!.data[sourceIndex(i, shape, b!.shape)]!,
      ),
    );
    return [{ shape, data }];
  },
  backward({ operation }, [a, b], [dout]) {
    const da = { shape: a!.shape, data: new Float64Array(a!.data.length) };
    const db = { shape: b!.shape, data: new Float64Array(b!.data.length) };
    dout!.data.forEach((d, i) => {
      const ia = sourceIndex(i, dout!.shape, a!.shape);
      const ib = sourceIndex(i, dout!.shape, b!.shape);
      const [pa, pb] = partials[operation](a!.data[ia]!, b!.data[ib]!);
      da.data[ia]! += d * pa!;
      db.data[ib]! += d * pb!;
    });
    return [da, db];
  },
};

export const expandReference: Reference<ExpandAttrs> = {
  forward({ shape, scale, offset }, [x]) {
    const data = Float64Array.from(
      { length: elements(shape) },
      (_, i) => scale * x!.data[sourceIndex(i, shape, x!.shape)]! + offset,
    );
    return [{ shape, data }];
  },
  backward({ scale }, [x], [dout]) {
    const dx: RefTensor = { shape: x!.shape, data: new Float64Array(x!.data.length) };
    dout!.data.forEach((d, i) => {
      dx.data[sourceIndex(i, dout!.shape, x!.shape)]! += scale * d;
    });
    return [dx];
  },
};
