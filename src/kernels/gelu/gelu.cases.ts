import { type Case, defineRoom } from '../op.ts';
import { geluReference } from './gelu.ref.ts';
import { geluOp } from './gelu.ts';

const extremes = [-3e38, -1e4, -200, -88, -60, -52, -20, -5, -1e-3, -1e-20, 0, 1e-20, 1e-3, 5, 20, 88, 200];

const cases: Case<object>[] = [
  { name: 'one', attrs: {}, inputs: [{ shape: [1] }] },
  { name: 'odd', attrs: {}, inputs: [{ shape: [3, 7, 5] }] },
  { name: 'wide range', attrs: {}, inputs: [{ shape: [1023], values: (_, __, normal) => 4 * normal() }] },
  { name: 'extreme', attrs: {}, inputs: [{ shape: [17], values: (i) => extremes[i]! }] },
  { name: 'text MLP', attrs: {}, inputs: [{ shape: [12, 10, 3072] }] },
];

export const gelus = [defineRoom({ op: geluOp, reference: geluReference, cases })];
