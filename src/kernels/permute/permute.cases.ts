import { type Case, defineOpTest } from '../op-test.ts';
import type { Shape } from '../tensor.ts';
import { permuteReference } from './permute.ref.ts';
import { type PermuteAttrs, permuteOp } from './permute.ts';

const permuted = (name: string, shape: Shape, ...order: number[]): Case<PermuteAttrs> => ({
  name,
  attrs: { order },
  inputs: [{ shape }],
});

const cases: Case<PermuteAttrs>[] = [
  permuted('one', [1], 0),
  permuted('all of size one', [1, 1, 1], 2, 0, 1),
  permuted('unchanged', [3, 4, 8], 0, 1, 2),
  permuted('transpose', [17, 33], 1, 0),
  permuted('patches to maps', [2, 37, 37, 2], 0, 3, 1, 2),
  permuted('heads', [2, 145, 4, 32], 0, 2, 1, 3),
  permuted('heads of odd width', [2, 11, 3, 5], 0, 2, 1, 3),
  permuted('query, key, value', [5, 7, 3, 2, 16], 2, 0, 3, 1, 4),
  permuted('five, reversed', [2, 3, 5, 7, 4], 4, 3, 2, 1, 0),
  permuted('rows that are not whole vec4s', [6, 2, 4], 1, 0, 2),
  permuted('merged to two', [3, 4, 5, 6], 2, 3, 0, 1),
  permuted('six, two of size one', [2, 1, 3, 1, 5, 4], 4, 1, 2, 3, 0, 5),
  {
    name: 'integers',
    attrs: { order: [1, 0] },
    inputs: [{ shape: [5, 3], dtype: 'i32', values: (i) => 7 - 1e8 * i }],
  },
];

export const permuteTest = defineOpTest({ op: permuteOp, reference: permuteReference, cases });
