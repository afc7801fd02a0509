import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import type { DType, Shape } from '../tensor.ts';
import { gatherRowsReference, scatterRowsReference } from './gather.ref.ts';
import { gatherRowsOp, type ScatterAttrs, scatterRowsOp } from './gather.ts';

const indices = (shape: Shape, length: number): CaseInput => ({
  shape,
  dtype: 'i32',
  values: (_, random) => Math.floor(length * random()),
});

const gathered = (
  name: string,
  shape: readonly [number, number, number],
  index: Shape,
  dtype: DType = 'f32',
): Case<Record<never, never>> => ({
  name,
  attrs: {},
  inputs: [{ shape, dtype }, indices(index, shape[1])],
});

const gatherCases: Case<Record<never, never>>[] = [
  gathered('one', [1, 1, 1], [1, 1]),
  gathered('own rows, repeated', [3, 5, 33], [3, 17]),
  gathered('shared rows', [1, 7, 5], [3, 4]),
  gathered('patches', [8, 145, 128], [8, 10]),
  gathered('patches of another batch', [3, 37, 65], [3, 37]),
  gathered('halves', [1, 101, 64], [6, 12], 'f16'),
  gathered('halves of odd width', [3, 11, 7], [3, 13], 'f16'),
  gathered('one half', [1, 1, 1], [1, 1], 'f16'),
  {
    name: 'subnormal halves',
    attrs: {},
    inputs: [
      { shape: [1, 2, 3], dtype: 'f16', values: (i) => (i - 2) * 2 ** -24 },
      { shape: [1, 2], dtype: 'i32', values: (i) => 1 - i },
    ],
  },
  {
    name: 'outside gives NaN',
    attrs: {},
    inputs: [
      { shape: [2, 3, 4] },
      { shape: [2, 5], dtype: 'i32', values: (i) => [0, -1, 2, 3, 2 ** 31 - 1, -(2 ** 31), 1, 1, 4, 0][i]! },
    ],
  },
  gathered('more than 65535 rows', [1, 3, 1], [1, 65537]),
];

const scattered = (
  name: string,
  shape: readonly [number, number, number],
  attrs: ScatterAttrs,
): Case<ScatterAttrs> => ({
  name,
  attrs,
  inputs: [{ shape }, indices(shape.slice(0, 2), attrs.length)],
});

const scatterCases: Case<ScatterAttrs>[] = [
  scattered('one', [1, 1, 1], { length: 1, shared: false }),
  scattered('repeated', [2, 17, 33], { length: 5, shared: false }),
  scattered('looked at in fours', [3, 8, 33], { length: 5, shared: true }),
  scattered('words of captions', [64, 16, 128], { length: 687, shared: true }),
  scattered('summed over batches', [3, 4, 65], { length: 7, shared: true }),
  {
    name: 'outside is left out',
    attrs: { length: 3, shared: false },
    inputs: [
      { shape: [2, 5, 4] },
      { shape: [2, 5], dtype: 'i32', values: (i) => [0, -1, 2, 3, 2 ** 31 - 1, -(2 ** 31), 1, 1, 4, 0][i]! },
    ],
  },
];

export const gatherTests = [
  defineOpTest({ op: gatherRowsOp, reference: gatherRowsReference, cases: gatherCases }),
  defineOpTest({ op: scatterRowsOp, reference: scatterRowsReference, cases: scatterCases }),
];
