import { type Case, defineRoom } from '../op.ts';
import { expReference } from './exp.ref.ts';
import { expOp } from './exp.ts';

const cases: Case<object>[] = [
  { name: 'one', attrs: {}, inputs: [{ shape: [] }] },
  { name: 'odd', attrs: {}, inputs: [{ shape: [3, 7, 5] }] },
  { name: 'wide range', attrs: {}, inputs: [{ shape: [65], values: (i: number) => (i - 32) / 4 }] },
].map((c) => ({ ...c, tolerance: 1e-5 })); // WGSL allows exp 3 + 2 |x| units in the last place

export const exps = [defineRoom({ op: expOp, reference: expReference, cases })];
