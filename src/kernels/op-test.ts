// How an operator is tested: its definition in float64 and the cases to try it at (testing/op-check.ts runs them).

import type { Op } from './op.ts';
import type { DType, Shape } from './tensor.ts';

/** A tensor of the float64 references. */
export interface RefTensor {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** The executable definition of an operator, in float64. */
export interface Reference<Attrs> {
  forward(attrs: Attrs, inputs: readonly (RefTensor | undefined)[]): RefTensor[];
  /** d loss / d input for each input, given d loss / d output for each differentiable output. */
  backward?(
    attrs: Attrs,
    inputs: readonly (RefTensor | undefined)[],
    upstream: readonly (RefTensor | undefined)[],
  ): (RefTensor | undefined)[];
}

/** How a case's operand is made: normal numbers, unless `values` says otherwise. */
export interface CaseInput {
  readonly shape: Shape;
  readonly dtype?: DType;
  /** The i-th element; `random` gives numbers in [0, 1), `normal` standard normal ones. */
  readonly values?: (i: number, random: () => number, normal: () => number) => number;
}

/** One shape to test and time. */
export interface Case<Attrs> {
  readonly name: string;
  readonly attrs: Attrs;
  readonly inputs: readonly (CaseInput | undefined)[];
  /** Worst error allowed, as a fraction of the reference's largest magnitude; default 5e-6. */
  readonly tolerance?: number;
}

/** What tests and benchmarks read of an operator. */
export interface OpTest<Attrs = unknown> {
  readonly op: Op<Attrs>;
  readonly reference: Reference<Attrs>;
  readonly cases: readonly Case<Attrs>[];
  /** Which outputs the reference defines and a loss may depend on; others are workspace or indices. Default [0]. */
  readonly differentiable?: readonly number[];
  /** Inputs with a gradient; default: every f32 input, if the operator has a gradient rule. */
  readonly wrt?: readonly number[];
}

/** A test whose attributes' type is forgotten, so that all fit into one list. */
export const defineOpTest = <Attrs>(test: OpTest<Attrs>): OpTest => test as unknown as OpTest;
