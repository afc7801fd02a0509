// Named tensors that are read on demand, whatever the file format.
import { WeightsError } from './errors.ts';
import { decodeBfloat, decodeHalf } from './half.ts';
import { type DType, dtypeBytes } from './safetensors-header.ts';

/** What is known of a tensor before its values are read. */
export interface TensorInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Bytes of all its elements. */
  readonly bytes: number;
}

/** A weights file whose directory of tensors has been read and checked. */
export interface TensorFile {
  /** Path or address, for messages. */
  readonly source: { readonly name: string };
  /** In the order of the data. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Classes of a pickle's objects that are no tensors; they are not read, and nothing of them is run. */
  readonly foreign?: readonly string[];
  /** Raw little-endian bytes of a tensor, row-major, or of `length` bytes of it from `start`. */
  readBytes(name: string, start?: number, length?: number): Promise<Uint8Array<ArrayBuffer>>;
  /** A tensor's values, row-major, from F32, F16, BF16 or F64: all, or `count` elements from `start`. */
  readFloat32(name: string, start?: number, count?: number): Promise<Float32Array<ArrayBuffer>>;
  /** A tensor's values, row-major, from any integer type or BOOL, if they fit into 32 bits. */
  readInt32(name: string): Promise<Int32Array<ArrayBuffer>>;
}

/** Resolves to bytes start .. start + length of a tensor; the range has been checked. */
export type ReadRange<Info extends TensorInfo> = (
  name: string,
  info: Info,
  start: number,
  length: number,
) => Promise<Uint8Array<ArrayBuffer>>;

/** The tensors of a file, with the decoding that all formats share. */
export function tensorFile<Info extends TensorInfo>(
  file: string,
  tensors: ReadonlyMap<string, Info>,
  metadata: ReadonlyMap<string, string>,
  readRange: ReadRange<Info>,
): TensorFile & { readonly tensors: ReadonlyMap<string, Info> } {
  const infoOf = (name: string): Info => {
    const info = tensors.get(name);
    if (!info) throw new WeightsError({ file, tensor: name, expected: 'this tensor', found: 'none' });
    return info;
  };

  const readBytes: TensorFile['readBytes'] = async (name, start = 0, length) => {
    const info = infoOf(name);
    const count = length ?? info.bytes - start;
    if (start < 0 || count < 0 || start + count > info.bytes)
      throw new RangeError(`${file}: tensor ${name}: bytes ${start}..${start + count} of ${info.bytes}`);
    return readRange(name, info, start, count);
  };

  const readAs = async <T>(
    name: string,
    { decoders, expected }: { readonly decoders: Decoders<T>; readonly expected: string },
    start = 0,
    count?: number,
  ): Promise<T> => {
    const { dtype } = infoOf(name);
    const decode = decoders[dtype];
    if (!decode) throw new WeightsError({ file, tensor: name, expected, found: dtype });
    // Sources return fresh arrays, but may return views: align for the typed arrays.
    const size = dtypeBytes[dtype];
    const bytes = await readBytes(name, start * size, count === undefined ? undefined : count * size);
    return decode(bytes.byteOffset % 8 === 0 ? bytes : bytes.slice());
  };

  return {
    source: { name: file },
    tensors,
    metadata,
    readBytes,
    readFloat32: (name, start, count) => readAs(name, floats, start, count),
    async readInt32(name) {
      const values = await readAs(name, integers);
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

const floats = { decoders: toFloat32, expected: 'dtype F32, F16, BF16 or F64' };
const integers = { decoders: toIntegers, expected: 'an integer dtype' };
