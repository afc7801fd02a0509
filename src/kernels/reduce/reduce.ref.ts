import { sourceIndices } from '../elementwise/elementwise.ref.ts';
import type { Reference, RefTensor } from '../op-test.ts';
import { elements, type Shape } from '../tensor.ts';
import { around, type ExpandAttrs, type MaxAttrs, type ReduceAttrs } from './reduce.ts';

const reduced = (shape: Shape, axis: number): RefTensor => {
  const { outer, inner } = around(shape, axis);
  return { shape: shape.filter((_, i) => i !== axis), data: new Float64Array(outer * inner) };
};

export const reduceReference: Reference<ReduceAttrs> = {
  forward({ kind, axis }, [x, addend]) {
    const { length, inner } = around(x!.shape, axis);
    const out = reduced(x!.shape, axis);
    if (addend) out.data.set(addend.data);
    x!.data.forEach((value, i) => {
      out.data[Math.floor(i / (inner * length)) * inner + (i % inner)]! +=
        kind === 'mean' ? value / length : value;
    });
    return [out];
  },
  backward({ kind, axis }, [x], [dout]) {
    const { length, inner } = around(x!.shape, axis);
    const scale = kind === 'mean' ? 1 / length : 1;
    return [
      {
        shape: x!.shape,
        data: x!.data.map(
          (_, i) => scale * dout!.data[Math.floor(i / (inner * length)) * inner + (i % inner)]!,
        ),
      },
    ];
  },
};

const argmax = (x: RefTensor, axis: number): RefTensor => {
  const { length, inner } = around(x.shape, axis);
  const index = reduced(x.shape, axis);
  const at = (i: number, k: number) => x.data[(Math.floor(i / inner) * length + k) * inner + (i % inner)]!;
  index.data.forEach((_, i) => {
    for (let k = 1; k < length; k += 1) if (at(i, k) > at(i, index.data[i]!)) index.data[i] = k;
  });
  return index;
};

/** The part of x that counts, and where each of its elements lies in x. */
function channelOf(x: RefTensor, { axis, channel }: MaxAttrs) {
  if (channel === undefined) return { part: x, axis, at: (i: number) => i };
  const { outer, length, inner } = around(x.shape, axis);
  const channels = x.shape[axis - 1]!;
  const at = (i: number) =>
    (Math.floor(i / (length * inner)) * channels + channel) * length * inner + (i % (length * inner));
  const data = Float64Array.from({ length: (outer / channels) * length * inner }, (_, i) => x.data[at(i)]!);
  return { part: { shape: x.shape.filter((_, i) => i !== axis - 1), data }, axis: axis - 1, at };
}

export const maxReference: Reference<MaxAttrs> = {
  forward(attrs, [x]) {
    const { part, axis } = channelOf(x!, attrs);
    const { length, inner } = around(part.shape, axis);
    const index = argmax(part, axis);
    const data = index.data.map(
      (k, i) => part.data[(Math.floor(i / inner) * length + k) * inner + (i % inner)]!,
    );
    return [{ shape: index.shape, data }, index];
  },
  backward(attrs, [x], [dout]) {
    const { part, axis, at } = channelOf(x!, attrs);
    const { length, inner } = around(part.shape, axis);
    const dx = new Float64Array(x!.data.length);
    argmax(part, axis).data.forEach((k, i) => {
      dx[at((Math.floor(i / inner) * length + k) * inner + (i % inner))] = dout!.data[i]!;
    });
    return [{ shape: x!.shape, data: dx }];
  },
};

export const expandReference: Reference<ExpandAttrs> = {
  forward({ shape, scale, offset }, [x]) {
    const of = sourceIndices(shape, x!.shape);
    const data = Float64Array.from({ length: elements(shape) }, (_, i) => scale * x!.data[of(i)]! + offset);
    return [{ shape, data }];
  },
  backward({ scale }, [x], [dout]) {
    const dx: RefTensor = { shape: x!.shape, data: new Float64Array(x!.data.length) };
    const of = sourceIndices(dout!.shape, x!.shape);
    dout!.data.forEach((d, i) => {
      dx.data[of(i)]! += scale * d;
    });
    return [dx];
  },
};
