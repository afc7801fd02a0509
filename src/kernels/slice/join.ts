import { perItem } from '../grid.ts';
import type { Op } from '../op.ts';
import { around } from '../reduce/reduce.ts';
import { describe, elements, type Shape, ShapeError, type TensorSpec } from '../tensor.ts';
import shader from './join.wgsl';
import vec4Shader from './join_vec4.wgsl';

export interface JoinAttrs {
  readonly axis: number;
}

/** Parts that one dispatch can bind. */
export const mostParts = 4;

/** A shape without leading dimensions of 1. */
const core = (shape: Shape): Shape => {
  const first = shape.findIndex((n) => n !== 1);
  return first < 0 ? [] : shape.slice(first);
};

/** Whether `small` is what is left of `large` without some of its first dimensions. */
const isTail = (small: Shape, large: Shape): boolean => {
  const tail = core(small);
  return tail.length <= large.length && tail.every((n, i) => n === large[large.length - tail.length + i]);
};

/**
 * Up to four tensors one after another along a dimension, in one dispatch: what `concat` becomes in a plan. Inputs: four
 * parts, absent ones last, and an addend. A part whose dimensions before `axis` are all 1 serves all of them; the addend
 * has the shape of the result or of its last dimensions. Variants: `vec4` where widths allow it, `scalar`.
 */
export const joinOp: Op<JoinAttrs> = {
  name: 'join',
  addend: mostParts,
  tails: true,
  variants: () => ['vec4', 'scalar'],
  outputs({ axis }, inputs) {
    const parts = inputs.slice(0, mostParts).filter((x): x is TensorSpec => x !== undefined);
    const [first] = parts;
    if (first?.dtype !== 'f32' && first?.dtype !== 'i32')
      throw new ShapeError('join', 'f32 or i32 tensors', describe(first));
    const outer = parts.map(({ shape }) => shape.slice(0, axis)).find((s) => elements(s) > 1);
    const length = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
    for (const { shape, dtype } of parts) {
      const leading = shape.slice(0, axis);
      const fits =
        dtype === first.dtype &&
        (elements(leading) === 1 || leading.join() === outer!.join()) &&
        shape.slice(axis + 1).join() === first.shape.slice(axis + 1).join();
      if (!fits)
        throw new ShapeError(
          'join',
          `${describe(first)} but for dimension ${axis}`,
          describe({ shape, dtype }),
        );
    }
    const shape = [...(outer ?? first.shape.slice(0, axis)), length, ...first.shape.slice(axis + 1)];
    const addend = inputs[mostParts];
    if (addend && (addend.dtype !== 'f32' || first.dtype !== 'f32' || !isTail(addend.shape, shape)))
      throw new ShapeError(
        'join',
        `an addend of the last dimensions of [${shape.join(', ')}]`,
        describe(addend),
      );
    return [{ shape, dtype: first.dtype }];
  },
  dispatches({ attrs: { axis }, inputs, outputs: [out], variant }) {
    const { outer, length, inner } = around(out!.shape, axis);
    const parts = inputs.slice(0, mostParts);
    const addend = inputs[mostParts];
    const widths = Array.from({ length: mostParts }, (_, k) => (parts[k]?.shape[axis] ?? 0) * inner);
    const vec4 =
      variant !== 'scalar' && [...widths, addend ? elements(addend.shape) : 0].every((n) => n % 4 === 0);
    const unit = vec4 ? 4 : 1;
    const starts = widths.map((_, k) => widths.slice(0, k).reduce((a, b) => a + b, 0) / unit);
    const pitches = widths.map((width, k) => (elements(parts[k]?.shape ?? [0]) === width ? 0 : width / unit));
    const [part0, part1, part2, part3] = parts;
    return [
      {
        shader: vec4 ? vec4Shader : shader,
        bindings: { part0, part1, part2, part3, addend, out },
        uniforms: {
          rows: outer,
          width: (length * inner) / unit,
          starts,
          pitches,
          addend_count: addend ? elements(addend.shape) / unit : 1,
        },
        ...perItem((outer * length * inner) / unit, { ADDEND: addend !== undefined }),
      },
    ];
  },
  cost: ({ inputs, outputs: [out] }) => ({ flops: inputs[mostParts] ? elements(out!.shape) : 0 }),
};
