import { type Case, defineOpTest } from '../op-test.ts';
import { binaryCrossEntropyReference } from './binary_cross_entropy.ref.ts';
import { binaryCrossEntropyOp } from './binary_cross_entropy.ts';

const weight = (_: number, random: () => number) => random();

const cases: Case<object>[] = (
  [
    ['one', [1], 1],
    ['odd', [3, 7, 5], 3],
    ['large logits', [65], 100],
    ['patches', [64, 64], 5],
  ] as const
).map(([name, shape, scale]) => ({
  name,
  attrs: {},
  inputs: [
    { shape, values: (_, __, normal) => scale * normal() },
    { shape, values: weight },
    { shape, values: weight },
  ],
  tolerance: 1e-5,
}));

export const binaryCrossEntropyTest = defineOpTest({
  op: binaryCrossEntropyOp,
  reference: binaryCrossEntropyReference,
  cases,
  wrt: [0],
});
