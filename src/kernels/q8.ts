// int8 rows with a scale each (the type q8 of op.ts): rounding to them, and the bytes as shaders read them.
import { byteLength, elements, type Shape, scalesOffset } from './tensor.ts';

export interface Quantized {
  /** Row-major, in [-127, 127]. */
  readonly integers: Int8Array<ArrayBuffer>;
  /** One per row: value = integer * scale. */
  readonly scales: Float32Array<ArrayBuffer>;
}

/**
 * Rounds a matrix to int8, its largest magnitude in a row to 127: the error of an element is at most half its row's
 * scale. Symmetric: 0 stays 0.
 * @param rows number of rows that `values`, row-major, has
 */
export function quantizeRows(values: Float32Array, rows: number): Quantized {
  const columns = values.length / rows;
  const integers = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const line = values.subarray(row * columns, (row + 1) * columns);
    let largest = 0;
    for (const value of line) largest = Math.max(largest, Math.abs(value));
    const scale = Math.fround(largest / 127);
    scales[row] = scale;
    if (scale > 0)
      for (let i = 0; i < columns; i += 1)
        integers[row * columns + i] = Math.max(-127, Math.min(127, Math.round(line[i]! / scale)));
  }
  return { integers, scales };
}

/** The values that the integers stand for. */
export function dequantizeRows({ integers, scales }: Quantized): Float32Array<ArrayBuffer> {
  const columns = integers.length / scales.length;
  return Float32Array.from(integers, (value, i) => value * scales[Math.floor(i / columns)]!);
}

/** A q8 tensor of `shape` as it lies in a buffer. */
export function packRows(shape: Shape, { integers, scales }: Quantized): Uint8Array<ArrayBuffer> {
  const spec = { shape, dtype: 'q8' } as const;
  if (integers.length !== elements(shape) || scales.length !== shape[0])
    throw new RangeError(
      `expected [${shape.join(', ')}], found ${integers.length} integers, ${scales.length} scales`,
    );
  const bytes = new Uint8Array(byteLength(spec));
  bytes.set(new Uint8Array(integers.buffer, integers.byteOffset, integers.length));
  new Float32Array(bytes.buffer, scalesOffset(spec), scales.length).set(scales);
  return bytes;
}
