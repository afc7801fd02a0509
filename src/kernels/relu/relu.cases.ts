import { type Case, defineRoom } from '../op.ts';
import { reluReference } from './relu.ref.ts';
import { reluOp } from './relu.ts';

const cases: Case<object>[] = [
  { name: 'one', attrs: {}, inputs: [{ shape: [1] }] },
  { name: 'odd', attrs: {}, inputs: [{ shape: [3, 7, 5] }] },
  { name: 'zeros', attrs: {}, inputs: [{ shape: [65], values: (i) => (i % 3) - 1 }] },
  { name: 'prior network', attrs: {}, inputs: [{ shape: [8, 480] }] },
];

export const relus = [defineRoom({ op: reluOp, reference: reluReference, cases })];
