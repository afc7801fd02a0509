// Writing tensors as a safetensors file, piece by piece (Node only).
import { writePieces } from '../base/files.node.ts';
import { encodeHalf } from './half.ts';
import { safetensorsHeader } from './safetensors.ts';
import { type DType, dtypeBytes } from './safetensors-header.ts';
import type { TensorFile } from './tensor-file.ts';

export interface WriteOptions {
  /** Storage of floating-point tensors; undefined: as they are. Other types stay as they are. */
  readonly dtype?: 'F16' | 'F32' | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Bytes written so far, of all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const pieceElements = 4 * 2 ** 20;
const floats: readonly DType[] = ['F32', 'F16', 'BF16', 'F64'];

/**
 * Writes all tensors of `file` under a temporary name, then renames it: `out` is whole or untouched.
 * @throws WeightsError from reading; the signal's reason
 */
export async function writeTensors(out: string, file: TensorFile, options: WriteOptions = {}): Promise<void> {
  const { dtype, metadata = {}, onProgress, signal } = options;
  const types = new Map(
    [...file.tensors].map(([name, info]) => [
      name,
      { dtype: dtype && floats.includes(info.dtype) ? dtype : info.dtype, shape: info.shape },
    ]),
  );
  const header = safetensorsHeader(types, metadata);
  const count = (name: string) => types.get(name)!.shape.reduce((a, b) => a * b, 1);
  let total = header.length;
  for (const [name, type] of types) total += count(name) * dtypeBytes[type.dtype];

  await writePieces(out, async (handle) => {
    let done = 0;
    const write = async (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
      done += bytes.length;
      onProgress?.(done, total);
    };
    await write(header);
    for (const [name, info] of file.tensors) {
      const elements = count(name);
      const stored = types.get(name)!.dtype;
      const item = dtypeBytes[stored];
      for (let start = 0; start < elements; start += pieceElements) {
        signal?.throwIfAborted();
        const length = Math.min(pieceElements, elements - start);
        if (stored === info.dtype) await write(await file.readBytes(name, start * item, length * item));
        else {
          const values = await file.readFloat32(name, start, length);
          await write(asBytes(stored === 'F16' ? encodeHalf(values) : values));
        }
      }
    }
  });
}

const asBytes = (values: Uint16Array | Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
