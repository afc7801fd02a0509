// A CLIP with int8 matrices, and back: `name` in I8 with one scale per row in `name.scale`, value = integer * scale.

import { encodeHalf } from '../../formats/half.ts';
import { type DType, dtypeBytes } from '../../formats/safetensors-header.ts';
import { type TensorFile, type TensorInfo, tensorFile } from '../../formats/tensor-file.ts';
import { dequantizeRows, quantizeRows } from '../../kernels/q8.ts';
import { isMatrix, scaleName } from '../clip/matrices.ts';

type Bytes = Uint8Array<ArrayBuffer>;

interface View extends TensorInfo {
  /** Bytes start .. start + length of the tensor. */
  read(start: number, length: number): Promise<Bytes>;
}

/**
 * The same CLIP, smaller: its matrices as int8, rounded row by row as they are read; tables of embeddings as F16;
 * vectors as they are. Matrices that are int8 already stay so.
 */
export function quantized(file: TensorFile): TensorFile {
  const views = new Map<string, View>();
  for (const [name, info] of file.tensors) {
    if (info.dtype !== 'I8' && isMatrix(name)) {
      const rows = rowsOf(info);
      views.set(
        name,
        view(
          'I8',
          info.shape,
          wholeRows(file, name, info, (row) => row.integers),
        ),
      );
      views.set(
        scaleName(name),
        view('F32', [rows], async (start, length) =>
          bytesOf(
            (
              await readRows(file, name, info, {
                from: Math.floor(start / 4),
                to: Math.ceil((start + length) / 4),
              })
            ).scales,
          ).subarray(start % 4, (start % 4) + length),
        ),
      );
    } else if (info.dtype !== 'I8' && info.dtype !== 'F16' && info.shape.length > 1)
      views.set(
        name,
        view('F16', info.shape, (start, length) => halves(file, name, start, length)),
      );
    else views.set(name, unchanged(file, name, info));
  }
  return fileOf(file, views);
}

/** A CLIP with int8 matrices as one in F32, where it has any. */
export function dequantized(file: TensorFile): TensorFile {
  const views = new Map<string, View>();
  for (const [name, info] of file.tensors) {
    const matrix = /^(.*)\.scale$/.exec(name)?.[1];
    if (matrix !== undefined && file.tensors.get(matrix)?.dtype === 'I8') continue;
    if (info.dtype !== 'I8') views.set(name, unchanged(file, name, info));
    else views.set(name, view('F32', info.shape, wholeRows(file, name, info, dequantizeRows)));
  }
  return fileOf(file, views);
}

const fileOf = (file: TensorFile, views: ReadonlyMap<string, View>): TensorFile =>
  tensorFile(file.source.name, views, file.metadata, (_, { read }, start, length) => read(start, length));

function view(dtype: DType, shape: readonly number[], read: View['read']): View {
  return { dtype, shape, bytes: shape.reduce((a, b) => a * b, dtypeBytes[dtype]), read };
}

const unchanged = (file: TensorFile, name: string, info: TensorInfo): View => ({
  ...info,
  read: (start, length) => file.readBytes(name, start, length),
});

const rowsOf = ({ shape }: TensorInfo): number => shape[0]!;

/** Rows from .. to of a matrix, as int8. */
async function readRows(
  file: TensorFile,
  name: string,
  info: TensorInfo,
  { from, to }: { readonly from: number; readonly to: number },
) {
  const columns = info.shape.slice(1).reduce((a, b) => a * b, 1);
  if (info.dtype !== 'I8') {
    const values = await file.readFloat32(name, from * columns, (to - from) * columns);
    return quantizeRows(values, to - from);
  }
  const bytes = await file.readBytes(name, from * columns, (to - from) * columns);
  const scales = await file.readFloat32(scaleName(name), from, to - from);
  return { integers: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length), scales };
}

/** Reads the rows that a range of bytes lies in, and cuts the range out. */
function wholeRows(
  file: TensorFile,
  name: string,
  info: TensorInfo,
  convert: (rows: Awaited<ReturnType<typeof readRows>>) => Int8Array | Float32Array,
): View['read'] {
  return async (start, length) => {
    const size = info.dtype === 'I8' ? 4 : 1; // bytes of an element of the view: F32, or I8
    const stride = info.shape.slice(1).reduce((a, b) => a * b, size);
    const from = Math.floor(start / stride);
    const rows = await readRows(file, name, info, { from, to: Math.ceil((start + length) / stride) });
    return bytesOf(convert(rows)).subarray(start - from * stride, start - from * stride + length);
  };
}

async function halves(file: TensorFile, name: string, start: number, length: number): Promise<Bytes> {
  const values = await file.readFloat32(name, start / 2, length / 2);
  return bytesOf(encodeHalf(values));
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int8Array | Uint16Array | Float32Array): Bytes =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
