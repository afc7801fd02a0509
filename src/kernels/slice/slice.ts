import { perItem } from '../grid.ts';
import type { Builder, Call, Dispatch, Op, OpNode } from '../op.ts';
import { around, type ExpandAttrs, expandOp } from '../reduce/reduce.ts';
import { describe, elements, type Shape, ShapeError, type Tensor, type TensorSpec } from '../tensor.ts';
import scalarShader from './copy_columns.wgsl';
import vec4Shader from './copy_columns_vec4.wgsl';
import { joinOp, mostParts } from './join.ts';

export interface SliceAttrs {
  readonly axis: number;
  /** Indices start .. end - 1 of `axis` are kept. */
  readonly start: number;
  readonly end: number;
}

const variants = () => ['vec4', 'scalar'];

/** A copy of columns in elements; copy_columns.wgsl explains the numbers. */
interface Columns {
  readonly rows: number;
  readonly width: number;
  readonly from_pitch: number;
  readonly from_shift: number;
  readonly to_pitch: number;
  readonly to_start: number;
}

function copy(source: Tensor, out: Tensor, columns: Columns, variant: string | undefined): Dispatch {
  const { rows, ...sizes } = columns;
  const vec4 = variant !== 'scalar' && Object.values(sizes).every((size) => size % 4 === 0);
  const scaled = Object.entries(sizes).map(([name, size]) => [name, vec4 ? size / 4 : size]);
  return {
    shader: vec4 ? vec4Shader : scalarShader,
    bindings: { source, out },
    uniforms: { rows, ...Object.fromEntries(scaled) },
    ...perItem((rows * sizes.width) / (vec4 ? 4 : 1)),
  };
}

/** Copies a tensor's elements to another of as many. */
export function copyAll(source: Tensor, out: Tensor): Dispatch {
  const width = elements(out.shape);
  const columns = { rows: 1, width, from_pitch: width, from_shift: 0, to_pitch: width, to_start: 0 };
  return copy(source, out, columns, undefined);
}

const resized = (shape: Shape, axis: number, length: number) =>
  shape.map((n, i) => (i === axis ? length : n));

function checkWords(op: string, x: TensorSpec | undefined): asserts x {
  if (x?.dtype !== 'f32' && x?.dtype !== 'i32') throw new ShapeError(op, 'an f32 or i32 tensor', describe(x));
}

/** Indices start .. end - 1 of one dimension. Variants: `vec4` where rows and offsets allow it, `scalar`. */
export const sliceOp: Op<SliceAttrs> = {
  name: 'slice',
  variants,
  outputs({ axis, start, end }, [x]) {
    checkWords('slice', x);
    const length = x.shape[axis];
    if (length === undefined || !(0 <= start && start < end && end <= length))
      throw new ShapeError(
        'slice',
        `a range within dimension ${axis} of ${describe(x)}`,
        `${start} .. ${end}`,
      );
    return [{ shape: resized(x.shape, axis, end - start), dtype: x.dtype }];
  },
  dispatches({ attrs: { axis, start, end }, inputs: [x], outputs: [out], variant }) {
    const { outer, length, inner } = around(x!.shape, axis);
    const width = (end - start) * inner;
    return [
      copy(
        x!,
        out!,
        {
          rows: outer,
          width,
          from_pitch: length * inner,
          from_shift: start * inner,
          to_pitch: width,
          to_start: 0,
        },
        variant,
      ),
    ];
  },
  cost: () => ({ flops: 0 }),
  part({ attrs: { axis, start }, inputs: [x] }) {
    const { outer, inner } = around(x!.shape, axis);
    return outer === 1 ? { input: 0, bytes: 4 * start * inner } : undefined;
  },
  gradient({ attrs: { axis, start }, inputs: [x], upstream: [dout], builder: g }) {
    return g.apply(sliceGradOp, { axis, start, length: x!.shape[axis]! }, [dout]);
  },
};

/** The upstream gradient at start .. start + its own length of a dimension of `length`, zeros around it. */
const sliceGradOp: Op<{ axis: number; start: number; length: number }> = {
  name: 'slice_grad',
  variants,
  outputs: ({ axis, length }, [dout]) => [{ shape: resized(dout!.shape, axis, length), dtype: 'f32' }],
  dispatches({ attrs: { axis, start }, inputs: [dout], outputs: [dx], variant }) {
    const { outer, length, inner } = around(dx!.shape, axis);
    const width = length * inner;
    return [
      copy(
        dout!,
        dx!,
        {
          rows: outer,
          width,
          from_pitch: dout!.shape[axis]! * inner,
          from_shift: -start * inner,
          to_pitch: width,
          to_start: 0,
        },
        variant,
      ),
    ];
  },
  cost: () => ({ flops: 0 }),
};

export interface ConcatAttrs {
  readonly axis: number;
}

/** Tensors one after another along one dimension; a dispatch for each writes its range. Variants as slice. */
export const concatOp: Op<ConcatAttrs> = {
  name: 'concat',
  variants,
  outputs({ axis }, inputs) {
    const [first] = inputs;
    checkWords('concat', first);
    if (axis < 0 || axis >= first.shape.length)
      throw new ShapeError('concat', `tensors with a dimension ${axis}`, describe(first));
    let length = 0;
    for (const x of inputs) {
      const fits =
        x?.dtype === first.dtype &&
        x.shape.length === first.shape.length &&
        x.shape.every((n, i) => i === axis || n === first.shape[i]);
      if (!fits) throw new ShapeError('concat', `${describe(first)} but for dimension ${axis}`, describe(x));
      length += x.shape[axis]!;
    }
    return [{ shape: resized(first.shape, axis, length), dtype: first.dtype }];
  },
  dispatches({ attrs: { axis }, inputs, outputs: [out], variant }: Call<ConcatAttrs>) {
    const { outer, length, inner } = around(out!.shape, axis);
    let start = 0;
    return inputs
      .filter((x) => elements(x!.shape) > 0)
      .map((x) => {
        const width = x!.shape[axis]! * inner;
        const to_start = start;
        start += width;
        return copy(
          x!,
          out!,
          { rows: outer, width, from_pitch: width, from_shift: 0, to_pitch: length * inner, to_start },
          variant,
        );
      });
  },
  cost: () => ({ flops: 0 }),
  after({ attrs, inputs, outputs }, made) {
    const parts = inputs.map((x, i) => repeatedPart(made(i), attrs.axis) ?? x!);
    if (parts.length > mostParts || parts.some((x) => elements(x.shape) === 0)) return undefined;
    // One that all rows share among others only: the result has the rows of the others.
    const whole = elements(outputs[0]!.shape.slice(0, attrs.axis));
    if (whole > 1 && parts.every((x) => elements(x.shape.slice(0, attrs.axis)) === 1)) return undefined;
    return { op: joinOp as Op<unknown>, attrs, inputs: parts, outputs };
  },
  gradient({ attrs: { axis }, inputs, upstream: [dout], needs, builder: g }) {
    let start = 0;
    return inputs.map((x, i) => {
      const end = start + x!.shape[axis]!;
      const range = { axis, start, end };
      start = end;
      return needs[i] ? slice(g, dout!, range) : undefined;
    });
  },
};

/** What a part repeats in all rows, in the shape of one. */
function repeatedPart(maker: OpNode | undefined, axis: number): Tensor | undefined {
  if (maker?.op !== expandOp) return undefined;
  const { scale, offset } = maker.attrs as ExpandAttrs;
  const [x] = maker.inputs;
  const [out] = maker.outputs;
  const shape = out!.shape.map((n, i) => (i < axis ? 1 : n));
  if (scale !== 1 || offset !== 0 || elements(x!.shape) !== elements(shape)) return undefined;
  return { ...x!, shape };
}

/** Indices start .. end - 1 of dimension `axis` of an f32 or i32 tensor. @throws ShapeError for an empty range. */
export const slice = (g: Builder, x: Tensor, attrs: SliceAttrs): Tensor => g.apply(sliceOp, attrs, [x])[0]!;

/**
 * The tensors, f32 or i32, one after another along `axis`; their other dimensions must be equal (nothing is broadcast).
 * @throws ShapeError
 */
export const concat = (g: Builder, tensors: readonly Tensor[], axis: number): Tensor =>
  g.apply(concatOp, { axis }, tensors)[0]!;
