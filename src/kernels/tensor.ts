// What a tensor is: shape and type, the bytes that it takes, and the error for those that do not fit together.

/**
 * Element types in GPU memory. f16 and q8 are for frozen weights and u8 for images: shaders read them as packed u32.
 * q8 is int8 with a scale per row (the first dimension): value = integer * scale. The scales, in f32, follow the integers.
 */
export type DType = 'f32' | 'f16' | 'q8' | 'i32' | 'u8';
export type Shape = readonly number[];

export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A tensor of a graph. Views (`Builder.view`) have another shape and the same `storage`. */
export interface Tensor extends TensorSpec {
  readonly storage: number;
}

/** Operands that do not fit together. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
  constructor(op: string, expected: string, found: string) {
    super(`${op}: expected ${expected}, found ${found}`);
  }
}

export const elements = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);
export const describe = (spec: TensorSpec | undefined): string =>
  spec ? `${spec.dtype}[${spec.shape.join(', ')}]` : 'nothing';
const elementBytes: Record<DType, number> = { f32: 4, f16: 2, q8: 1, i32: 4, u8: 1 };
const wholeVectors = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);
const valueBytes = ({ shape, dtype }: TensorSpec): number => elements(shape) * elementBytes[dtype];
/** The byte at which the scales of a q8 tensor begin. */
export const scalesOffset = (spec: TensorSpec): number => wholeVectors(valueBytes(spec));
/** Bytes that the values take, without what alignment adds behind them. */
export const exactBytes = (spec: TensorSpec): number =>
  spec.dtype === 'q8' ? scalesOffset(spec) + 4 * spec.shape[0]! : valueBytes(spec);
/** Bytes in memory, rounded up to whole vec4<u32> so that vector loads of the last elements stay inside. */
export const byteLength = (spec: TensorSpec): number => wholeVectors(exactBytes(spec));
/** Elements of the typed array that holds a tensor on the host; of a q8 tensor, the bytes of integers and scales. */
export const hostLength = (spec: TensorSpec): number =>
  spec.dtype === 'q8' ? byteLength(spec) : elements(spec.shape);
export const f32 = (...shape: number[]): TensorSpec => ({ shape, dtype: 'f32' });
