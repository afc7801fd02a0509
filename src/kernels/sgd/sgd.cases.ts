import { type Case, defineOpTest } from '../op-test.ts';
import { sgdReference } from './sgd.ref.ts';
import { type SgdAttrs, sgdOp } from './sgd.ts';

const cases: Case<SgdAttrs>[] = [
  { name: 'one', shape: [1], attrs: { momentum: 0, decay: 0 }, rate: 0.5 },
  { name: 'odd', shape: [3, 7, 5], attrs: { momentum: 0.9, decay: 5e-4 }, rate: 0.002 },
  { name: 'contexts', shape: [16, 768], attrs: { momentum: 0.9, decay: 5e-4 }, rate: 1e-5 },
].map(({ name, shape, attrs, rate }) => ({
  name,
  attrs,
  inputs: [{ shape }, { shape }, { shape }, { shape: [1], values: () => rate }],
}));

export const sgdTest = defineOpTest({
  op: sgdOp,
  reference: sgdReference,
  cases,
  differentiable: [0, 1],
  wrt: [],
});
