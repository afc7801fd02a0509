// Tensors whose elements do not lie in row-major order: PyTorch's views, and transposed matrices.
import { WeightsError } from '../errors.ts';

/** Where the elements of a tensor lie: element (i, j, ...) at i * strides[0] + j * strides[1] + ..., in elements. */
export interface Layout {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** Most bytes that gathering reads at once: projections and position tables are smaller. */
const maxSpan = 32 * 2 ** 20;

/** Strides of row-major order. */
export const rowMajor = (shape: readonly number[]): number[] =>
  shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));

/** Whether elements follow each other in row-major order; strides of axes of length 1 mean nothing. */
export function isRowMajor({ shape, strides }: Layout): boolean {
  const expected = rowMajor(shape);
  return shape.includes(0) || shape.every((size, axis) => size === 1 || strides[axis] === expected[axis]);
}

/** One more than the largest offset, in elements; 0 for a tensor without elements. */
export const extent = ({ shape, strides }: Layout): number =>
  shape.includes(0) ? 0 : 1 + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0);

/**
 * Row-major bytes start .. start + length of a tensor.
 * @param item bytes of an element
 * @param read bytes from an offset that counts from the tensor's first element
 * @throws WeightsError if the elements asked for lie too far apart to be read at once
 */
export async function readStrided(
  { item, ...layout }: Layout & { readonly item: number },
  { start, length }: { readonly start: number; readonly length: number },
  read: (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>,
  where: { readonly file: string; readonly tensor: string },
): Promise<Uint8Array<ArrayBuffer>> {
  if (isRowMajor(layout) || length === 0) return read(start, length);
  const first = Math.floor(start / item);
  const end = Math.ceil((start + length) / item);
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const offset of offsets(layout, first, end)) {
    low = Math.min(low, offset);
    high = Math.max(high, offset);
  }
  const span = (high - low + 1) * item;
  if (span > maxSpan) {
    const expected = `row-major order, or at most ${maxSpan} bytes`;
    throw new WeightsError({
      ...where,
      expected,
      found: `strides [${layout.strides}] over ${span} bytes`,
    });
  }
  const source = await read(low * item, span);
  const result = new Uint8Array((end - first) * item);
  let position = 0;
  for (const offset of offsets(layout, first, end)) {
    const at = (offset - low) * item;
    for (let byte = 0; byte < item; byte++) result[position++] = source[at + byte]!;
  }
  return result.subarray(start - first * item, start - first * item + length);
}

/** Offsets of elements first .. end - 1 in row-major order. */
function* offsets({ shape, strides }: Layout, first: number, end: number): Generator<number> {
  const index = shape.map(() => 0);
  let rest = first;
  let offset = 0;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
    offset += index[axis]! * strides[axis]!;
  }
  for (let element = first; element < end; element++) {
    yield offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]! += 1;
      offset += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      offset -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
}
