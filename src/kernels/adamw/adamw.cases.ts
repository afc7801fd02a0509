import { type Case, defineOpTest } from '../op-test.ts';
import { adamwReference } from './adamw.ref.ts';
import { type AdamwAttrs, adamwOp, adamwSchedule } from './adamw.ts';

const adam = { beta1: 0.9, beta2: 0.98, epsilon: 1e-6 };
const positive = (_: number, random: () => number) => random();

const cases: Case<AdamwAttrs>[] = [
  { name: 'one', shape: [1], step: 1, decay: 0.2 },
  { name: 'odd', shape: [3, 7, 5], step: 2, decay: 0.5 },
  { name: 'without decay', shape: [65], step: 3, decay: 0 },
  { name: 'bounded', shape: [33], step: 3, decay: 0.1, largest: 0.25 },
  { name: 'MLP', shape: [512, 128], step: 1000, decay: 0.2 },
].map(({ name, shape, step, decay, largest }) => {
  const schedule = adamwSchedule({ lr: 1e-2, ...adam }, step);
  return {
    name,
    attrs: { ...adam, decay, largest },
    inputs: [
      { shape },
      { shape },
      { shape, values: positive },
      { shape },
      { shape: [3], values: (i: number) => schedule[i]! },
    ],
  };
});

export const adamwTest = defineOpTest({ op: adamwOp, reference: adamwReference, cases });
