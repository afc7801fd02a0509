import { encodeHalf } from './half.ts';
import { type DType, dtypeBytes, parseHeader, type TensorEntry } from './safetensors-header.ts';
import { type ByteSource, readExactly } from './source.ts';
import { type TensorFile, tensorFile } from './tensor-file.ts';

export { type DType, dtypeBytes, type TensorEntry } from './safetensors-header.ts';

/** A safetensors file whose header has been read and checked; tensors are read on demand. */
export interface SafetensorsFile extends TensorFile {
  readonly source: ByteSource;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/**
 * Reads and checks the header of a safetensors file (https://github.com/huggingface/safetensors#format).
 * Nothing but the header is read, and nothing larger than the file is ever allocated.
 * @throws WeightsError for anything that breaks the format
 */
export async function readSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const { tensors, metadata } = await parseHeader(source);
  const file = tensorFile(source.name, tensors, metadata, (name, { offset }, start, length) =>
    readExactly(source, offset + start, length, name),
  );
  return { ...file, source };
}

/** A tensor to be written: row-major, `data` holding exactly the shape's elements of that type. */
export interface TensorData {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

/** Float32 values as a tensor, stored as F32. */
export const float32Tensor = (shape: readonly number[], data: Float32Array): TensorData => ({
  dtype: 'F32',
  shape,
  data,
});

/** Float32 values as a tensor, stored as F16 (rounded to nearest even). */
export const float16Tensor = (shape: readonly number[], data: Float32Array): TensorData => ({
  dtype: 'F16',
  shape,
  data: encodeHalf(data),
});

/**
 * The bytes before the data: entries in the order of `tensors`, padded with spaces to a multiple of 8 bytes.
 * @throws RangeError for the reserved name
 */
export function safetensorsHeader(
  tensors: ReadonlyMap<string, { readonly dtype: DType; readonly shape: readonly number[] }>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  // Written entry by entry: an object would move integer-like names to the front.
  const entries: string[] = [];
  if (Object.keys(metadata).length > 0) entries.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let position = 0;
  for (const [name, { dtype, shape }] of tensors) {
    if (name === '__metadata__') throw new RangeError('a tensor cannot be called __metadata__');
    const end = position + shape.reduce((a, b) => a * b, dtypeBytes[dtype]);
    entries.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [position, end] })}`,
    );
    position = end;
  }
  const json = new TextEncoder().encode(`{${entries.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return header;
}

/**
 * Serialises tensors as a safetensors file. The same input gives the same bytes.
 * @throws RangeError if a tensor's data does not match its dtype and shape, or for the reserved name
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const header = safetensorsHeader(tensors, metadata);
  let size = header.length;
  for (const [name, { dtype, shape, data }] of tensors) {
    const expected = shape.reduce((a, b) => a * b, dtypeBytes[dtype]);
    if (data.byteLength !== expected)
      throw new RangeError(
        `tensor ${name}: ${dtype} [${shape}] has ${data.byteLength} bytes, not ${expected}`,
      );
    size += expected;
  }
  const file = new Uint8Array(size);
  file.set(header);
  let offset = header.length;
  for (const { data } of tensors.values()) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}
