import { type Case, defineOpTest } from '../op-test.ts';
import { cosinePairsReference } from './cosine_pairs.ref.ts';
import { cosinePairsOp } from './cosine_pairs.ts';

const cases: Case<object>[] = [
  { name: 'no pair', attrs: {}, inputs: [{ shape: [1, 7] }] },
  { name: 'one pair', attrs: {}, inputs: [{ shape: [2, 5] }] },
  { name: 'odd', attrs: {}, inputs: [{ shape: [3, 7] }] },
  // Rows 0 and 2 are exactly orthogonal: sign(0) = 0.
  {
    name: 'orthogonal rows',
    attrs: {},
    inputs: [{ shape: [3, 2], values: (i) => [1, 0, 2, 3, 0, -1][i]! }],
  },
  {
    name: 'a row of zeros',
    attrs: {},
    inputs: [{ shape: [4, 5], values: (i, _, normal) => (Math.floor(i / 5) === 2 ? 0 : normal()) }],
  },
  { name: 'small CLIP', attrs: {}, inputs: [{ shape: [10, 64] }] },
  { name: 'prompts', attrs: {}, inputs: [{ shape: [10, 768] }] },
  { name: 'many', attrs: {}, inputs: [{ shape: [33, 130] }] },
];

export const cosinePairsTest = defineOpTest({ op: cosinePairsOp, reference: cosinePairsReference, cases });
