import { type Case, defineOpTest } from '../op-test.ts';
import { l2normReference } from './l2norm.ref.ts';
import { l2normOp } from './l2norm.ts';

const cases: Case<object>[] = [
  { name: 'two elements', attrs: {}, inputs: [{ shape: [3, 2] }] },
  { name: 'odd', attrs: {}, inputs: [{ shape: [5, 7] }] },
  { name: 'one row', attrs: {}, inputs: [{ shape: [130] }] },
  { name: 'small', attrs: {}, inputs: [{ shape: [3, 65], values: (_, __, normal) => 3e-3 * normal() }] },
  {
    name: 'a row of zeros',
    attrs: {},
    inputs: [{ shape: [3, 33], values: (i, _, normal) => (Math.floor(i / 33) === 1 ? 0 : normal()) }],
  },
  { name: 'prototypes', attrs: {}, inputs: [{ shape: [8, 2, 768] }] },
  { name: 'patches', attrs: {}, inputs: [{ shape: [2, 145, 128] }] },
];

export const l2normTest = defineOpTest({ op: l2normOp, reference: l2normReference, cases });
