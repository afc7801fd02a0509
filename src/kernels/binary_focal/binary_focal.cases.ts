import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import { binaryFocalReference } from './binary_focal.ref.ts';
import { type BinaryFocalAttrs, binaryFocalOp } from './binary_focal.ts';

const labels = (count: number): CaseInput => ({ shape: [count], values: (i) => ((i * 5 + 1) % 3) % 2 });
const probability = (_: number, random: () => number) => 0.02 + 0.96 * random();

const cases: Case<BinaryFocalAttrs>[] = [
  { name: 'one logit', attrs: { kind: 'logits', gamma: 2 }, inputs: [{ shape: [1] }, labels(1)] },
  { name: 'batch of logits', attrs: { kind: 'logits', gamma: 2 }, inputs: [{ shape: [8] }, labels(8)] },
  {
    name: 'confident logits',
    attrs: { kind: 'logits', gamma: 2 },
    inputs: [{ shape: [65], values: (i) => i - 32 }, labels(65)],
  },
  { name: 'gamma 1', attrs: { kind: 'logits', gamma: 1 }, inputs: [{ shape: [33] }, labels(33)] },
  {
    name: 'gamma 1.5',
    attrs: { kind: 'prob', gamma: 1.5 },
    inputs: [{ shape: [33], values: probability }, labels(33)],
  },
  {
    name: 'probabilities',
    attrs: { kind: 'prob', gamma: 2 },
    inputs: [
      { shape: [3, 43], values: probability },
      { ...labels(129), shape: [3, 43] },
    ],
  },
];

export const binaryFocalTest = defineOpTest({
  op: binaryFocalOp,
  reference: binaryFocalReference,
  cases,
  wrt: [0],
});
