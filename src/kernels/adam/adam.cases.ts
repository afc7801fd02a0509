import { type Case, defineOpTest } from '../op-test.ts';
import { adamReference } from './adam.ref.ts';
import { type AdamAttrs, adamOp, adamSchedule } from './adam.ts';

const attrs = { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 };
const positive = (_: number, random: () => number) => random();

const cases: Case<AdamAttrs>[] = [
  { name: 'one', shape: [1], step: 1 },
  { name: 'odd', shape: [3, 7, 5], step: 2 },
  { name: 'prior network', shape: [40, 640], step: 1000 },
].map(({ name, shape, step }) => {
  const schedule = adamSchedule({ lr: 1e-3, ...attrs }, step);
  return {
    name,
    attrs,
    inputs: [
      { shape },
      { shape },
      { shape, values: positive },
      { shape },
      { shape: [2], values: (i: number) => schedule[i]! },
    ],
  };
});

export const adamTest = defineOpTest({ op: adamOp, reference: adamReference, cases });
