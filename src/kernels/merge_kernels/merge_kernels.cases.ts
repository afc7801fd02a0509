import { type Case, defineOpTest } from '../op-test.ts';
import { mergeKernelsReference } from './merge_kernels.ref.ts';
import { mergeKernelsOp } from './merge_kernels.ts';

const kernels = (
  name: string,
  [out, inner]: readonly [number, number],
  ...sides: readonly (readonly [number, number])[]
): Case<Record<never, never>> => ({
  name,
  attrs: {},
  inputs: sides.map((side) => ({ shape: [out, inner, ...side] })),
});

const cases = [
  kernels('one', [1, 1], [1, 1]),
  kernels('one of many channels', [5, 13], [3, 3]),
  kernels('same sizes', [2, 3], [3, 5], [3, 5]),
  kernels('even sides', [3, 2], [4, 4], [2, 2]),
  kernels("FiLO's six", [7, 10], [7, 7], [1, 1], [3, 3], [5, 5], [1, 5], [5, 1]),
];

export const mergeKernelsTest = defineOpTest({ op: mergeKernelsOp, reference: mergeKernelsReference, cases });
