import { type Case, defineOpTest } from '../op-test.ts';
import { crossEntropyReference } from './cross_entropy.ref.ts';
import { crossEntropyOp } from './cross_entropy.ts';

const cases: Case<Record<never, never>>[] = (
  [
    ['one class', 1, 1, 1],
    ['two classes', 3, 2, 1],
    ['odd', 7, 5, 3],
    ['more classes than lanes', 3, 131, 2],
    ['contrastive batch', 64, 64, 10],
    ['large logits', 5, 3, 300],
  ] as const
).map(([name, rows, classes, scale]) => ({
  name,
  attrs: {},
  inputs: [
    { shape: [rows, classes], values: (_, __, normal) => scale * normal() },
    { shape: [rows], dtype: 'i32', values: (i) => (i * 7) % classes },
  ],
  tolerance: 1e-5,
}));

export const crossEntropyTest = defineOpTest({ op: crossEntropyOp, reference: crossEntropyReference, cases });
