import { type Case, defineOpTest } from '../op-test.ts';
import { replaceRowsReference } from './replace_rows.ref.ts';
import { type ReplaceRowsAttrs, replaceRowsOp } from './replace_rows.ts';

const cases: Case<ReplaceRowsAttrs>[] = [
  {
    name: 'one element',
    attrs: { start: 0, count: 1, first: 0 },
    inputs: [{ shape: [1, 1, 1] }, { shape: [1, 1] }],
  },
  {
    name: 'all rows',
    attrs: { start: 0, count: 3, first: 0 },
    inputs: [{ shape: [2, 3, 5] }, { shape: [3, 5] }],
  },
  {
    name: 'some tokens',
    attrs: { start: 2, count: 2, first: 1 },
    inputs: [{ shape: [3, 5, 7] }, { shape: [4, 7] }],
  },
  {
    name: 'a prompt',
    attrs: { start: 1, count: 4, first: 0 },
    inputs: [{ shape: [1, 9, 768] }, { shape: [4, 768] }],
  },
];

export const replaceRowsTest = defineOpTest({ op: replaceRowsOp, reference: replaceRowsReference, cases });
