import type { Reference, RefTensor } from '../op-test.ts';
import type { Shape } from '../tensor.ts';
import type { PermuteAttrs } from './permute.ts';

/** Calls `visit` with the flat index of each element of out and of x. */
function walk(shape: Shape, order: readonly number[], visit: (out: number, x: number) => void) {
  const out = order.map((axis) => shape[axis]!);
  const total = shape.reduce((product, n) => product * n, 1);
  for (let i = 0; i < total; i += 1) {
    const index: number[] = [];
    let rest = i;
    for (let k = out.length - 1; k >= 0; k -= 1) {
      index[order[k]!] = rest % out[k]!;
      rest = Math.floor(rest / out[k]!);
    }
    visit(
      i,
      shape.reduce((at, n, axis) => at * n + index[axis]!, 0),
    );
  }
}

export const permuteReference: Reference<PermuteAttrs> = {
  forward({ order }, [x]) {
    const out: RefTensor = {
      shape: order.map((axis) => x!.shape[axis]!),
      data: new Float64Array(x!.data.length),
    };
    walk(x!.shape, order, (to, from) => {
      out.data[to] = x!.data[from]!;
    });
    return [out];
  },
  backward({ order }, [x], [dout]) {
    const dx: RefTensor = { shape: x!.shape, data: new Float64Array(x!.data.length) };
    walk(x!.shape, order, (from, to) => {
      dx.data[to] = dout!.data[from]!;
    });
    return [dx];
  },
};
