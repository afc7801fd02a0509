import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import type { Shape } from '../tensor.ts';
import { type JoinAttrs, joinOp } from './join.ts';
import { concatReference, joinReference, sliceReference } from './slice.ref.ts';
import { type ConcatAttrs, concatOp, type SliceAttrs, sliceOp } from './slice.ts';

const sliced = (name: string, shape: Shape, attrs: SliceAttrs): Case<SliceAttrs> => ({
  name,
  attrs,
  inputs: [{ shape }],
});

const sliceCases: Case<SliceAttrs>[] = [
  sliced('one', [1], { axis: 0, start: 0, end: 1 }),
  sliced('odd middle', [3, 7, 5], { axis: 1, start: 2, end: 6 }),
  sliced('last of each row', [5, 2], { axis: 1, start: 1, end: 2 }),
  sliced('everything', [3, 4, 8], { axis: 1, start: 0, end: 4 }),
  sliced('whole vec4s', [3, 7, 8], { axis: 1, start: 3, end: 5 }),
  sliced('vec4 rows, odd offset', [3, 16], { axis: 1, start: 3, end: 11 }),
  sliced('first rows', [77, 33], { axis: 0, start: 0, end: 12 }),
  sliced('patches without the class token', [2, 145, 128], { axis: 1, start: 1, end: 145 }),
  sliced('class token', [8, 145, 128], { axis: 1, start: 0, end: 1 }),
  {
    name: 'integers',
    attrs: { axis: 1, start: 1, end: 4 },
    inputs: [{ shape: [3, 5], dtype: 'i32', values: (i) => 7 - 1e8 * i }],
  },
];

const joined = (name: string, axis: number, ...shapes: Shape[]): Case<ConcatAttrs> => ({
  name,
  attrs: { axis },
  inputs: shapes.map((shape) => ({ shape })),
});

const concatCases: Case<ConcatAttrs>[] = [
  joined('single', 0, [3]),
  joined('rows', 0, [1, 5], [3, 5]),
  joined('odd middle', 1, [3, 2, 5], [3, 1, 5], [3, 4, 5]),
  joined('columns', 1, [7, 1], [7, 1]),
  joined('some whole vec4s', 1, [3, 4], [3, 3], [3, 5], [3, 8]),
  joined('prompt', 1, [10, 1, 64], [10, 5, 64], [10, 2, 64], [10, 4, 64]),
  joined('deep tokens', 1, [90, 1, 128], [90, 4, 128], [90, 7, 128]),
  joined('twelve', 0, ...Array.from({ length: 12 }, (_, i) => [i + 1, 3])),
];

/** Up to four parts, and the shape of an addend. */
const inOneDispatch = (
  name: string,
  axis: number,
  parts: readonly Shape[],
  addend?: Shape,
): Case<JoinAttrs> => ({
  name,
  attrs: { axis },
  inputs: Array.from({ length: 5 }, (_, i): CaseInput | undefined => {
    const shape = i < 4 ? parts[i] : addend;
    return shape && { shape };
  }),
});

const joinCases: Case<JoinAttrs>[] = [
  inOneDispatch('single', 0, [[3]]),
  inOneDispatch('odd middle', 1, [
    [3, 2, 5],
    [3, 1, 5],
    [3, 4, 5],
  ]),
  inOneDispatch(
    'odd, shared by all rows, and the same added to each',
    1,
    [
      [1, 2, 5],
      [3, 1, 5],
      [1, 4, 5],
    ],
    [7, 5],
  ),
  inOneDispatch(
    'one part shared by all, and an addend as large',
    1,
    [
      [3, 4],
      [1, 8],
    ],
    [3, 12],
  ),
  inOneDispatch(
    'all shared',
    1,
    [
      [1, 1, 8],
      [1, 5, 8],
      [1, 3, 8],
    ],
    [9, 8],
  ),
  inOneDispatch(
    'prompts',
    1,
    [
      [10, 2, 64],
      [1, 4, 64],
    ],
    [6, 64],
  ),
  inOneDispatch(
    'columns, one number added to each',
    2,
    [
      [2, 3, 1],
      [2, 3, 2],
      [1, 1, 1],
      [2, 3, 3],
    ],
    [1],
  ),
  {
    name: 'integers',
    attrs: { axis: 1 },
    inputs: [
      { shape: [3, 5], dtype: 'i32', values: (i) => 7 - 1e8 * i },
      { shape: [1, 2], dtype: 'i32', values: (i) => i },
    ],
  },
];

export const sliceTests = [
  defineOpTest({ op: sliceOp, reference: sliceReference, cases: sliceCases }),
  defineOpTest({ op: concatOp, reference: concatReference, cases: concatCases }),
  defineOpTest({ op: joinOp, reference: joinReference, cases: joinCases }),
];
