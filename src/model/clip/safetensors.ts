import { WeightsError } from '../errors.ts';
import { decodeBfloat, decodeHalf, encodeHalf } from './half.ts';
import { type DType, dtypeBytes, parseHeader, type TensorEntry } from './safetensors-header.ts';
import { type ByteSource, readExactly } from './source.ts';

export { type DType, dtypeBytes, type TensorEntry } from './safetensors-header.ts';

/** A safetensors file whose header has been read and checked; tensors are read on demand. */
export interface SafetensorsFile {
  readonly source: ByteSource;
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Raw little-endian bytes of a tensor, or of `length` bytes of it from `start`. */
  readBytes(name: string, start?: number, length?: number): Promise<Uint8Array<ArrayBuffer>>;
  /** A tensor's values, row-major, from F32, F16, BF16 or F64: all, or `count` elements from `start`. */
  readFloat32(name: string, start?: number, count?: number): Promise<Float32Array<ArrayBuffer>>;
  /** A tensor's values, row-major, from any integer type or BOOL, if they fit into 32 bits. */
  readInt32(name: string): Promise<Int32Array<ArrayBuffer>>;
}

/**
 * Reads and checks the header of a safetensors file (https://github.com/huggingface/safetensors#format).
 * Nothing but the header is read, and nothing larger than the file is ever allocated.
 * @throws WeightsError for anything that breaks the format
 */
export async function readSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const { tensors, metadata } = await parseHeader(source);
  const file = source.name;

  const entryOf = (name: string): TensorEntry => {
    const entry = tensors.get(name);
    if (!entry) throw new WeightsError({ file, tensor: name, expected: 'this tensor', found: 'none' });
    return entry;
  };

  const readBytes: SafetensorsFile['readBytes'] = async (name, start = 0, length) => {
    const entry = entryOf(name);
    const count = length ?? entry.bytes - start;
    if (start < 0 || count < 0 || start + count > entry.bytes)
      throw new RangeError(`${file}: tensor ${name}: bytes ${start}..${start + count} of ${entry.bytes}`);
    return readExactly(source, entry.offset + start, count, name);
  };

  const readAs = async <T>(
    name: string,
    decoders: Decoders<T>,
    expected: string,
    start = 0,
    count?: number,
  ): Promise<T> => {
    const { dtype } = entryOf(name);
    const decode = decoders[dtype];
    if (!decode) throw new WeightsError({ file, tensor: name, expected, found: dtype });
    // Sources return fresh arrays, but may return views: align for the typed arrays.
    const size = dtypeBytes[dtype];
    const bytes = await readBytes(name, start * size, count === undefined ? undefined : count * size);
    return decode(bytes.byteOffset % 8 === 0 ? bytes : bytes.slice());
  };

  return {
    source,
    tensors,
    metadata,
    readBytes,
    readFloat32: (name, start, count) => readAs(name, toFloat32, 'dtype F32, F16, BF16 or F64', start, count),
    async readInt32(name) {
      const values = await readAs(name, toIntegers, 'an integer dtype');
      const result = new Int32Array(values.length);
      for (let i = 0; i < values.length; i++) {
        const value = Number(values[i]);
        result[i] = value;
        if (result[i] !== value)
          throw new WeightsError({ file, tensor: name, expected: 'integers of 32 bits', found: `${value}` });
      }
      return result;
    },
  };
}

type Bytes = Uint8Array<ArrayBuffer>;
type Decoders<T> = Partial<Record<DType, (bytes: Bytes) => T>>;
type Integers = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

const words16 = (b: Bytes): Uint16Array => new Uint16Array(b.buffer, b.byteOffset, b.length / 2);

const toFloat32: Decoders<Float32Array<ArrayBuffer>> = {
  F32: (b) => new Float32Array(b.buffer, b.byteOffset, b.length / 4),
  F16: (b) => decodeHalf(words16(b)),
  BF16: (b) => decodeBfloat(words16(b)),
  F64: (b) => new Float32Array(new Float64Array(b.buffer, b.byteOffset, b.length / 8)),
};

const toIntegers: Decoders<Integers | BigInt64Array | BigUint64Array> = {
  BOOL: (b) => b,
  U8: (b) => b,
  I8: (b) => new Int8Array(b.buffer, b.byteOffset, b.length),
  I16: (b) => new Int16Array(b.buffer, b.byteOffset, b.length / 2),
  U16: words16,
  I32: (b) => new Int32Array(b.buffer, b.byteOffset, b.length / 4),
  U32: (b) => new Uint32Array(b.buffer, b.byteOffset, b.length / 4),
  I64: (b) => new BigInt64Array(b.buffer, b.byteOffset, b.length / 8),
  U64: (b) => new BigUint64Array(b.buffer, b.byteOffset, b.length / 8),
};

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
 * Serialises tensors as a safetensors file. The same input gives the same bytes: entries and data follow the
 * order of `tensors`, and the header is padded with spaces to a multiple of 8 bytes.
 * @throws RangeError if a tensor's data does not match its dtype and shape
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  // Written entry by entry: an object would move integer-like names to the front.
  const entries: string[] = [];
  if (Object.keys(metadata).length > 0) entries.push(`"__metadata__":${JSON.stringify(metadata)}`);
  let position = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    const expected = shape.reduce((a, b) => a * b, dtypeBytes[dtype]);
    if (name === '__metadata__' || data.byteLength !== expected)
      throw new RangeError(
        `tensor ${name}: ${dtype} [${shape}] has ${data.byteLength} bytes, not ${expected}`,
      );
    const data_offsets = [position, position + expected];
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets })}`);
    position += expected;
  }
  const json = new TextEncoder().encode(`{${entries.join(',')}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + position);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes).set(json, 8);
  let offset = 8 + headerBytes;
  for (const { data } of tensors.values()) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}
