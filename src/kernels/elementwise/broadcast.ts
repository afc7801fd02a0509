import { type Shape, ShapeError } from '../tensor.ts';

/** NumPy's broadcasting of two shapes. @throws ShapeError where a dimension differs and neither is 1. */
export function broadcastShape(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(op, `shapes that broadcast`, `[${a.join(', ')}] and [${b.join(', ')}]`);
    return x === 1 ? y : x;
  });
}

/** Four dimensions and, for each operand, its strides in elements (0 where it is repeated). */
export interface Collapsed {
  readonly shape: number[];
  readonly strides: number[][];
}

/**
 * Merges neighbouring dimensions along which every operand is either contiguous or repeated, and pads to four.
 * @throws ShapeError where more than four remain.
 */
export function collapse(op: string, shape: Shape, operands: readonly Shape[]): Collapsed {
  const strides = operands.map((operand) => {
    let stride = 1;
    const own: number[] = Array(shape.length).fill(0);
    for (let i = operand.length - 1; i >= 0; i -= 1) {
      if (operand[i] !== 1) own[shape.length - operand.length + i] = stride;
      stride *= operand[i]!;
    }
    return own;
  });
  const merged: { size: number; strides: number[] }[] = [];
  for (let i = shape.length - 1; i >= 0; i -= 1) {
    const size = shape[i]!;
    if (size === 1) continue;
    const inner = merged[0];
    const here = strides.map((s) => s[i]!);
    if (inner && here.every((s, k) => s === inner.strides[k]! * inner.size)) inner.size *= size;
    else merged.unshift({ size, strides: here });
  }
  if (merged.length > 4)
    throw new ShapeError(op, 'at most 4 dimensions after merging', `[${shape.join(', ')}]`);
  while (merged.length < 4) merged.unshift({ size: 1, strides: operands.map(() => 0) });
  return {
    shape: merged.map((m) => m.size),
    strides: operands.map((_, k) => merged.map((m) => m.strides[k]!)),
  };
}

/** Whether the last dimension comes in aligned fours, along which each operand is contiguous or repeated. */
export const inQuads = ({ shape, strides }: Collapsed): boolean =>
  shape[3]! % 4 === 0 &&
  strides.every((own) => own[3] === 0 || (own[3] === 1 && own.every((s, i) => i === 3 || s % 4 === 0)));
