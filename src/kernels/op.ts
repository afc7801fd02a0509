// What an operator is: the contract between its host side (one folder under src/kernels) and graph/, which runs operators
// without knowing any by name. How operators are tested: op-test.ts.
import type { Capabilities } from '../gpu/gpu.ts';
import type { OverrideValue } from '../gpu/pipelines.ts';
import type { Shader, UniformValue } from '../gpu/shader.ts';
import type { Shape, Tensor, TensorSpec } from './tensor.ts';

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

export interface Rows {
  /** Inputs of which each row of the outputs takes one row; all others are shared. */
  readonly own: readonly number[];
  /** Rows of the outputs. */
  readonly count: number;
}

export interface Op<Attrs> {
  readonly name: string;
  /** Shapes of the outputs. Outputs that nobody reads serve as workspace. @throws ShapeError. */
  outputs(attrs: Attrs, inputs: readonly (TensorSpec | undefined)[]): TensorSpec[];
  /** Output i is written into the storage of input `inPlace[i]` (Adam's parameters and moments). */
  readonly inPlace?: readonly (number | undefined)[];
  /**
   * Output 0 begins as a copy of this input, made by the first dispatch. It is left out, and both share a buffer, where
   * nobody else needs the input.
   */
  readonly copies?: number;
  /** An optional input, which is added to output 0: gradients that come together there need no addition of their own. */
  readonly addend?: number;
  /**
   * What every row of the outputs is made of, for a node whose rows do not depend on each other: several such nodes
   * with the same attributes and the same shared operands may run as one. undefined: not for these operands.
   */
  rows?(node: Pick<Call<Attrs>, 'attrs' | 'inputs' | 'outputs'>): Rows | undefined;
  /** The dispatches, in order. */
  dispatches(call: Call<Attrs>): Dispatch[];
  cost(call: Pick<Call<Attrs>, 'attrs' | 'inputs' | 'outputs'>): Cost;
  /** d loss / d input for each input; undefined where it is zero or not needed. */
  gradient?(call: GradientCall<Attrs>): (Tensor | undefined)[];
  /** Names that `Call.variant` may have on an adapter, the operator's own choice first; default: none. */
  variants?(capabilities: Capabilities): string[];
}
