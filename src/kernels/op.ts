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

/** A node as operators see one another's when they are fused. */
export interface OpNode<Attrs = unknown> {
  readonly op: Op<unknown>;
  readonly attrs: Attrs;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly Tensor[];
}

/** A node of a plan: where its tensors lie is known. */
export interface PlacedNode<Attrs = unknown> extends OpNode<Attrs> {
  /** Output 0 lies where the input that the operator copies lay: there is nothing to copy. */
  readonly inPlace?: boolean;
}

/** Where a tensor lies: tensors of one storage share a buffer. */
export type PlaceOf = (tensor: Tensor) => { readonly storage: number; readonly offset: number };

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
   * Updates in place that go element by element: `state` inputs, and the one that they are updated `by`. Several such
   * nodes are one where their operands lie one behind the other in the same buffers.
   */
  readonly updates?: { readonly state: readonly number[]; readonly by: number };
  /**
   * Output 0 begins as a copy of this input, made by the first dispatch. It is left out, and both share a buffer, where
   * nobody else needs the input.
   */
  readonly copies?: number;
  /** An optional input, which is added to output 0: gradients that come together there need no addition of their own. */
  readonly addend?: number;
  /** The addend may have the last dimensions of output 0 only, and is then repeated along the others. */
  readonly tails?: boolean;
  /** Output 0 is what lies from byte `bytes` on in an input: nothing has to be done where a binding may begin there. */
  part?(node: OpNode<Attrs>): { readonly input: number; readonly bytes: number } | undefined;
  /** Whether a node's output is the sum of its two inputs: one may become the `addend` of what made the other. */
  adds?(node: OpNode<Attrs>): boolean;
  /** One node for the sum of output 0 of two nodes of this operator; undefined: there is none. */
  joined?(a: OpNode<Attrs>, b: OpNode<Attrs>): OpNode | undefined;
  /**
   * One node instead of this one and of some of those that made its inputs (graph/fusion.ts); undefined: none.
   * @param made the node that made an input, if nobody else needs any of its results
   */
  after?(node: OpNode<Attrs>, made: (input: number) => OpNode | undefined): OpNode | undefined;
  /** One node instead of this one and the only one that needs its results; undefined: none. */
  before?(node: OpNode<Attrs>, next: OpNode): OpNode | undefined;
  /** One node instead of two that run one behind the other, one of which is this operator's; undefined: none. */
  neighbours?(first: PlacedNode, second: PlacedNode, place: PlaceOf): OpNode | undefined;
  /** Values of the outputs, where all inputs are constants; undefined: it is not worth it. */
  fold?(node: OpNode<Attrs>, values: readonly ArrayLike<number>[]): Float32Array[] | undefined;
  /**
   * What every row of the outputs is made of, for a node whose rows do not depend on each other: several such nodes
   * with the same attributes and the same shared operands may run as one. undefined: not for these operands.
   */
  rows?(node: Pick<Call<Attrs>, 'attrs' | 'inputs' | 'outputs'>): Rows | undefined;
  /**
   * Attributes by which the node's kernel is chosen for one of `items`, which lie along the first dimension of the outputs:
   * an item's results do not depend on how many there are then. Absent: they never do.
   */
  byItems?(node: OpNode<Attrs>, items: number): Attrs;
  /** The dispatches, in order. */
  dispatches(call: Call<Attrs>): Dispatch[];
  cost(call: Pick<Call<Attrs>, 'attrs' | 'inputs' | 'outputs'>): Cost;
  /** d loss / d input for each input; undefined where it is zero or not needed. */
  gradient?(call: GradientCall<Attrs>): (Tensor | undefined)[];
  /** Names that `Call.variant` may have on an adapter, the operator's own choice first; default: none. */
  variants?(capabilities: Capabilities): string[];
}
