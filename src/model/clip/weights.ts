// CLIP's weights on the device.

import { prefetch } from '../../base/prefetch.ts';
import { WeightsError } from '../../formats/errors.ts';
import { dtypeBytes } from '../../formats/safetensors-header.ts';
import type { TensorFile } from '../../formats/tensor-file.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import { createDeviceTensor, type DeviceTensor, writeBuffer } from '../../graph/device-tensor.ts';
import { type DType, elements, scalesOffset, type TensorSpec } from '../../kernels/tensor.ts';
import { defaultTemperature, isBlip, isBlipFile, temperatureName, wordEmbeddings } from '../blip/config.ts';
import { type ClipConfig, clipConfigOf, clipTensorShapes, type Unwritten } from './config.ts';
import { checkFinite } from './finite.ts';
import { isMatrix, scaleName } from './matrices.ts';
import { type Tokenizer, tokenizerForWeights } from './tokenizer/tokenizer.ts';

/** A CLIP whose weights are on the device. */
export interface Clip {
  readonly name: string;
  readonly config: ClipConfig;
  readonly tokenizer: Tokenizer;
  /** What the weights file says about itself. */
  readonly metadata: ReadonlyMap<string, string>;
  weightSpec(name: string): TensorSpec | undefined;
  /** Device tensors by name: everything but the token embedding, of which only a few rows are ever needed. */
  readonly tensors: ReadonlyMap<string, DeviceTensor>;
  /** CLIP's learned temperature: what cosines are multiplied with. */
  logitScale(): Promise<number>;
  /** Rows of the token embedding: id -> [text width]. */
  tokenRows(ids: readonly number[]): Promise<Map<number, Float32Array>>;
  dispose(): void;
}

export interface LoadOptions extends Unwritten {
  /** Bytes of weights read so far, of all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** The table of which only a few rows are ever needed. */
const tokenEmbedding = (config: ClipConfig) => (isBlip(config) ? wordEmbeddings : 'token_embedding.weight');
/** Types on the device: matrices that a file stores as F16 or int8 stay so, everything else is f32. */
export function weightSpecs(
  config: ClipConfig,
  stored: (name: string) => string | undefined,
): Map<string, TensorSpec> {
  const specs = new Map<string, TensorSpec>();
  for (const [name, shape] of clipTensorShapes(config)) {
    if (name === tokenEmbedding(config) || name === 'logit_scale' || name === temperatureName) continue;
    specs.set(name, { shape, dtype: (isMatrix(name) && packed[stored(name) ?? '']) || 'f32' });
  }
  return specs;
}

const packed: Readonly<Record<string, DType>> = { F16: 'f16', I8: 'q8' };

/** Elements that are read, converted and handed to the device at a time. */
const pieceElements = 4 * 2 ** 20;
/** `writeBuffer` keeps its bytes on the host until the queue has taken them: wait now and then. */
const bytesInFlight = 32 * 2 ** 20;

/**
 * Loads a CLIP. The header is read and every tensor checked before the first GPU buffer is made; then ranges of the
 * file go to the device piece by piece, in the order of the file.
 * @throws WeightsError, GpuError, or the signal's reason
 */
export async function loadClip(gpu: Gpu, file: TensorFile, options: LoadOptions = {}): Promise<Clip> {
  const name = file.source.name;
  const { onProgress, signal } = options;
  signal?.throwIfAborted();
  const config = clipConfigOf(file, options);
  const tokenizer = tokenizerForWeights(file, config.vocabSize);
  const specs = weightSpecs(config, (tensor) => file.tensors.get(tensor)?.dtype);
  const wanted = [...file.tensors].filter(([tensor]) => specs.has(tensor));
  const total = wanted.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  const tensors = new Map<string, DeviceTensor>();
  const dispose = () => {
    for (const tensor of tensors.values()) gpu.memory.free(tensor.buffer);
    tensors.clear();
  };
  try {
    let done = 0;
    let written = 0;
    const pieces = wanted.flatMap(([tensor]) => piecesOf(tensor, specs.get(tensor)!));
    const read = async (piece: Piece) => ({
      ...piece,
      data: checkFinite(await readPiece(file, piece), name, piece.tensor),
    });
    // One piece is read while the one before goes to the device.
    for await (const { tensor, start, length, last, data } of prefetch(pieces, read, 1)) {
      signal?.throwIfAborted();
      const spec = specs.get(tensor)!;
      const { buffer } = tensors.get(tensor) ?? createDeviceTensor(gpu, tensor, spec);
      tensors.set(tensor, { ...spec, buffer });
      writeBuffer(gpu, buffer, start * data.BYTES_PER_ELEMENT, data);
      if (last && spec.dtype === 'q8')
        writeBuffer(gpu, buffer, scalesOffset(spec), await readFinite(file, scaleName(tensor)));
      written += data.byteLength;
      if (written >= bytesInFlight) {
        await gpu.finish();
        written = 0;
      }
      done += length * dtypeBytes[file.tensors.get(tensor)!.dtype];
      onProgress?.(done, total);
    }
    signal?.throwIfAborted();
    await gpu.finish();
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    name,
    config,
    tokenizer,
    metadata: file.metadata,
    weightSpec: (tensor) => specs.get(tensor),
    tensors,
    logitScale: () => logitScale(file),
    tokenRows: (ids) => readTokenRows(file, config, ids),
    dispose,
  };
}

/** Elements start .. start + length of a tensor. */
interface Piece {
  readonly tensor: string;
  readonly dtype: DType;
  readonly start: number;
  readonly length: number;
  readonly last: boolean;
}

function piecesOf(tensor: string, { shape, dtype }: TensorSpec): Piece[] {
  const count = elements(shape);
  return Array.from({ length: Math.ceil(count / pieceElements) }, (_, i) => {
    const start = i * pieceElements;
    const length = Math.min(pieceElements, count - start);
    return { tensor, dtype, start, length, last: start + length === count };
  });
}

/** A piece as the device has it. */
async function readPiece(file: TensorFile, { tensor, dtype, start, length }: Piece) {
  if (dtype === 'f16') return halfBits(await file.readBytes(tensor, 2 * start, 2 * length));
  return dtype === 'q8' ? file.readBytes(tensor, start, length) : file.readFloat32(tensor, start, length);
}

const readFinite = async (file: TensorFile, tensor: string, start?: number, count?: number) =>
  checkFinite(await file.readFloat32(tensor, start, count), file.source.name, tensor);

const halfBits = (bytes: Uint8Array<ArrayBuffer>): Uint16Array =>
  bytes.byteOffset % 2 === 0
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    : new Uint16Array(bytes.slice().buffer);

/** Reads single rows of the token embedding from the file. */
export async function readTokenRows(
  file: TensorFile,
  config: ClipConfig,
  ids: readonly number[],
): Promise<Map<number, Float32Array>> {
  const rows = new Map<number, Float32Array>();
  for (const id of ids)
    rows.set(id, await readFinite(file, tokenEmbedding(config), id * config.textWidth, config.textWidth));
  return rows;
}

/** Device tensors for a graph's weights, by storage. */
export function bindWeights(
  clip: Pick<Clip, 'tensors'>,
  weights: ReadonlyMap<string, { readonly storage: number }>,
): Map<number, DeviceTensor> {
  return new Map([...weights].map(([name, { storage }]) => [storage, clip.tensors.get(name)!]));
}

/**
 * Reads every tensor of a CLIP that has numbers, to find one that is not finite.
 * @throws WeightsError naming it
 */
export async function checkNumbers(file: TensorFile): Promise<void> {
  for (const [tensor, { shape, dtype }] of file.tensors) {
    if (!['F32', 'F16', 'BF16', 'F64'].includes(dtype)) continue;
    const spec = { shape, dtype: dtype === 'F16' ? ('f16' as const) : ('f32' as const) };
    for (const piece of piecesOf(tensor, spec))
      checkFinite(await readPiece(file, piece), file.source.name, tensor);
  }
}

/** CLIP's own training keeps it at 100 at most. */
const largestScale = 1000;

/** CLIP's learned temperature: what cosines are multiplied with. @throws WeightsError */
export async function logitScale(file: TensorFile): Promise<number> {
  if (isBlipFile(file.tensors)) return blipScale(file);
  const [value] = await file.readFloat32('logit_scale');
  const scale = Math.exp(value!);
  if (scale > 0 && scale <= largestScale) return scale;
  const expected = `a logarithm whose exponential is at most ${largestScale}`;
  throw new WeightsError({ file: file.source.name, tensor: 'logit_scale', expected, found: `${value}` });
}

/** One over BLIP's temperature, where it is stored. @throws WeightsError */
async function blipScale(file: TensorFile): Promise<number> {
  const [value = defaultTemperature] = file.tensors.has(temperatureName)
    ? await file.readFloat32(temperatureName)
    : [];
  if (value >= 1 / largestScale && value <= largestScale) return 1 / value;
  const expected = `a temperature of at least ${1 / largestScale}`;
  throw new WeightsError({ file: file.source.name, tensor: temperatureName, expected, found: `${value}` });
}

/** Parameters of a CLIP that live on the device. */
export const countParameters = (config: ClipConfig): number =>
  [...clipTensorShapes(config).values()].reduce((sum, shape) => sum + elements(shape), 0);
