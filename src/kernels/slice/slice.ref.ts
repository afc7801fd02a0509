import type { Reference, RefTensor } from '../op-test.ts';
import { elements, type Shape } from '../tensor.ts';
import { type JoinAttrs, mostParts } from './join.ts';
import type { ConcatAttrs, SliceAttrs } from './slice.ts';

/** Index along `axis` of the i-th element, and its flat index once that is `to` and the dimension has `length`. */
function along(shape: Shape, axis: number, i: number) {
  const inner = elements(shape.slice(axis + 1));
  const at = Math.floor(i / inner) % shape[axis]!;
  const outer = Math.floor(i / inner / shape[axis]!);
  return { at, moved: (to: number, length: number) => (outer * length + to) * inner + (i % inner) };
}

const zeros = (shape: Shape): RefTensor => ({ shape, data: new Float64Array(elements(shape)) });
const resized = (shape: Shape, axis: number, length: number) =>
  shape.map((n, i) => (i === axis ? length : n));

export const sliceReference: Reference<SliceAttrs> = {
  forward({ axis, start, end }, [x]) {
    const out = zeros(resized(x!.shape, axis, end - start));
    x!.data.forEach((value, i) => {
      const { at, moved } = along(x!.shape, axis, i);
      if (at >= start && at < end) out.data[moved(at - start, end - start)] = value;
    });
    return [out];
  },
  backward({ axis, start }, [x], [dout]) {
    const dx = zeros(x!.shape);
    dout!.data.forEach((value, i) => {
      const { at, moved } = along(dout!.shape, axis, i);
      dx.data[moved(at + start, x!.shape[axis]!)] = value;
    });
    return [dx];
  },
};

export const concatReference: Reference<ConcatAttrs> = {
  forward({ axis }, inputs) {
    const length = inputs.reduce((sum, x) => sum + x!.shape[axis]!, 0);
    const out = zeros(resized(inputs[0]!.shape, axis, length));
    let start = 0;
    for (const x of inputs) {
      x!.data.forEach((value, i) => {
        const { at, moved } = along(x!.shape, axis, i);
        out.data[moved(start + at, length)] = value;
      });
      start += x!.shape[axis]!;
    }
    return [out];
  },
  backward({ axis }, inputs, [dout]) {
    let start = 0;
    return inputs.map((x) => {
      const end = start + x!.shape[axis]!;
      const [dx] = sliceReference.forward({ axis, start, end }, [dout]);
      start = end;
      return dx;
    });
  },
};

export const joinReference: Reference<JoinAttrs> = {
  forward({ axis }, inputs) {
    const parts = inputs.slice(0, mostParts).filter((x): x is RefTensor => x !== undefined);
    const outer = parts.map(({ shape }) => shape.slice(0, axis)).find((s) => elements(s) > 1);
    const whole = parts.map(({ shape, data }): RefTensor => {
      const leading = outer ?? shape.slice(0, axis);
      const to = [...leading, ...shape.slice(axis)];
      return {
        shape: to,
        data: Float64Array.from({ length: elements(to) }, (_, i) => data[i % data.length]!),
      };
    });
    const [out] = concatReference.forward({ axis }, whole);
    const addend = inputs[mostParts];
    if (!addend) return [out!];
    return [{ shape: out!.shape, data: out!.data.map((x, i) => x + addend.data[i % addend.data.length]!) }];
  },
};
