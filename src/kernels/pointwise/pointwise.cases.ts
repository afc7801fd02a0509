// Tests of a pointwise operator from its function in float64: what all of them are tried at, and cases of its own.
import type { Op } from '../op.ts';
import { type Case, type CaseInput, defineOpTest, type OpTest, type Reference } from '../op-test.ts';

const extremes = [-3e38, -1e4, -200, -88, -60, -52, -20, -5, -1e-3, -1e-20, 0, 1e-20, 1e-3, 5, 20, 88, 200];

/** For functions that are finite at every finite number. */
export const extremeInput: CaseInput = { shape: [extremes.length], values: (i) => extremes[i]! };
/** The rows of CLIP's text tower between the two layers of an MLP. */
export const textMlpInput: CaseInput = { shape: [12, 10, 3072] };

const common: Record<string, CaseInput> = {
  scalar: { shape: [] },
  one: { shape: [1] },
  odd: { shape: [3, 7, 5] }, // the last vector has one element
  'wide range': { shape: [65], values: (i) => (i - 32) / 4 },
};

export function pointwiseTest(
  op: Op<object>,
  {
    value,
    derivative,
    inputs = {},
    tolerance,
  }: {
    value(x: number): number;
    derivative(x: number): number;
    /** Cases of this operator, by name. */
    inputs?: Record<string, CaseInput>;
    tolerance?: number;
  },
): OpTest {
  const cases = Object.entries({ ...common, ...inputs }).map(
    ([name, input]): Case<object> => ({
      name,
      attrs: {},
      inputs: [input],
      ...(tolerance === undefined ? {} : { tolerance }),
    }),
  );
  const reference: Reference<object> = {
    forward: (_, [x]) => [{ shape: x!.shape, data: x!.data.map((v) => value(v)) }],
    backward: (_, [x], [dout]) => [
      { shape: x!.shape, data: x!.data.map((v, i) => dout!.data[i]! * derivative(v)) },
    ],
  };
  return defineOpTest({ op, reference, cases });
}
