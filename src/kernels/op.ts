// What an operator is: the contract between its host side (one folder under src/kernels) and graph/, which runs operators
// without knowing any by name. How operators are tested: op-test.ts.
import type { Capabilities } from '../gpu/gpu.ts';
import type { OverrideValue } from '../gpu/pipelines.ts';
import type { Shader, UniformValue } from '../gpu/shader.ts';

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

/** One compute dispatch. Names of `bindings`, `uniforms` and `overrides` are the shader's own, all of them. */
export interface Dispatch {
  readonly shader: Shader;
  /** An absent optional operand is given as `undefined`: a placeholder buffer is bound, which the shader must not touch. */
  readonly bindings: Readonly<Record<string, Tensor | undefined>>;
  readonly uniforms?: Readonly<Record<string, UniformValue>>;
  /** What changes the code: flags, workgroup and tile sizes. Sizes of tensors are uniforms, so that shapes share a pipeline. */
  readonly overrides?: Readonly<Record<string, OverrideValue>>;
  readonly workgroups: readonly [number, number?, number?];
}

/** A node's operands and what a host side may choose by. */
export interface Call<Attrs> {
  readonly attrs: Attrs;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly Tensor[];
  readonly capabilities: Capabilities;
  /** The variant asked for (tests, benchmarks); undefined: the operator's own choice. */
  readonly variant?: string | undefined;
}

/** Work done by one call, for GFLOP/s: a multiply-add counts 2. */
export interface Cost {
  readonly flops: number;
}

/** What a gradient rule builds with. graph/graph.ts implements it. */
export interface Builder {
  /** Adds a node. @throws ShapeError from the operator's `outputs`. */
  apply<Attrs>(op: Op<Attrs>, attrs: Attrs, inputs: readonly (Tensor | undefined)[]): Tensor[];
  /** The same elements under another shape. */
  view(tensor: Tensor, shape: Shape): Tensor;
  /** A tensor of known values. */
  constant(name: string, values: Float32Array | Int32Array, shape: Shape): Tensor;
}

export interface GradientCall<Attrs> {
  readonly attrs: Attrs;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly Tensor[];
  /** d loss / d output; undefined where the loss does not depend on that output. */
  readonly upstream: readonly (Tensor | undefined)[];
  /** Whether d loss / d input is wanted. */
  readonly needs: readonly boolean[];
  readonly builder: Builder;
}

export interface Op<Attrs> {
  readonly name: string;
  /** Shapes of the outputs. Outputs that nobody reads serve as workspace. @throws ShapeError. */
  outputs(attrs: Attrs, inputs: readonly (TensorSpec | undefined)[]): TensorSpec[];
  /** Output i is written into the storage of input `inPlace[i]` (Adam's parameters and moments). */
  readonly inPlace?: readonly (number | undefined)[];
  /** The dispatches, in order. */
  dispatches(call: Call<Attrs>): Dispatch[];
  cost(call: Pick<Call<Attrs>, 'attrs' | 'inputs' | 'outputs'>): Cost;
  /** d loss / d input for each input; undefined where it is zero or not needed. */
  gradient?(call: GradientCall<Attrs>): (Tensor | undefined)[];
  /** Names that `Call.variant` may have on an adapter, the operator's own choice first; default: none. */
  variants?(capabilities: Capabilities): string[];
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

const maxPerDimension = 65535;
/**
 * `count` workgroups as a grid that respects the limit of 65535 per dimension. The shader's linear index is
 * `workgroup_id.y * num_workgroups.x + workgroup_id.x`; it must return where that passes the work there is.
 */
export function spread(count: number): [number, number] {
  if (count <= maxPerDimension) return [Math.max(1, count), 1];
  const y = Math.ceil(count / maxPerDimension);
  return [Math.ceil(count / y), y];
}

const workgroup = 64;
type Grid<Overrides> = Pick<Dispatch, 'workgroups'> & { overrides: Overrides & { WORKGROUP: number } };

/**
 * Overrides and grid of a shader that treats `count` items one by one (parts/each_item.wgsl), or ITEMS of them per
 * invocation (parts/each_several.wgsl).
 * @param overrides the shader's others
 */
export function perItem<Overrides extends Record<string, OverrideValue>>(
  count: number,
  overrides = {} as Overrides,
): Grid<Overrides> {
  const each = workgroup * Number(overrides.ITEMS ?? 1);
  return { overrides: { ...overrides, WORKGROUP: workgroup }, workgroups: spread(Math.ceil(count / each)) };
}

/** Overrides and grid of a shader whose workgroups share out one task each (parts/each_workgroup.wgsl). */
export const perTask = <Overrides extends Record<string, OverrideValue>>(
  tasks: number,
  overrides = {} as Overrides,
): Grid<Overrides> => ({ overrides: { ...overrides, WORKGROUP: workgroup }, workgroups: spread(tasks) });
