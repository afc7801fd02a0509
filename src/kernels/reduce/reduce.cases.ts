import { type Case, defineOpTest } from '../op-test.ts';
import { expandReference, maxReference, reduceReference } from './reduce.ref.ts';
import { type ExpandAttrs, expandOp, type MaxAttrs, maxOp, type ReduceAttrs, reduceOp } from './reduce.ts';

const reduceCases: Case<ReduceAttrs>[] = [
  { name: 'one', attrs: { kind: 'sum', axis: 0 }, inputs: [{ shape: [1] }] },
  { name: 'odd middle', attrs: { kind: 'mean', axis: 1 }, inputs: [{ shape: [3, 5, 7] }] },
  { name: 'first', attrs: { kind: 'sum', axis: 0 }, inputs: [{ shape: [9, 33] }] },
  {
    name: 'first, and an addend',
    attrs: { kind: 'mean', axis: 0 },
    inputs: [{ shape: [9, 33] }, { shape: [33] }],
  },
  { name: 'prompts', attrs: { kind: 'mean', axis: 1 }, inputs: [{ shape: [8, 10, 768] }] },
  {
    name: 'below one stretch',
    attrs: { kind: 'sum', axis: 1 },
    inputs: [{ shape: [2, 4095] }],
    tolerance: 2e-5,
  },
  {
    name: 'rows of a bias',
    attrs: { kind: 'sum', axis: 0 },
    inputs: [{ shape: [1040, 128] }],
    tolerance: 2e-5,
  },
  {
    name: 'several stretches',
    attrs: { kind: 'mean', axis: 1 },
    inputs: [{ shape: [3, 12301] }],
    tolerance: 2e-5,
  },
  {
    name: 'stretches of columns',
    attrs: { kind: 'sum', axis: 0 },
    inputs: [{ shape: [5001, 3] }],
    tolerance: 2e-5,
  },
  {
    name: 'stretches, and an addend',
    attrs: { kind: 'sum', axis: 0 },
    inputs: [{ shape: [5001, 3] }, { shape: [3] }],
    tolerance: 2e-5,
  },
];

const few = (_: number, random: () => number) => Math.floor(4 * random());

const maxCases: Case<MaxAttrs>[] = [
  { name: 'one', attrs: { axis: 0 }, inputs: [{ shape: [1] }] },
  { name: 'ties', attrs: { axis: 1 }, inputs: [{ shape: [5, 33], values: few }] },
  { name: 'all equal', attrs: { axis: 1 }, inputs: [{ shape: [3, 130], values: () => -2 }] },
  { name: 'middle', attrs: { axis: 1 }, inputs: [{ shape: [2, 7, 3] }] },
  { name: 'patches', attrs: { axis: 1 }, inputs: [{ shape: [8, 1369] }] },
  { name: 'one channel', attrs: { axis: 2, channel: 1 }, inputs: [{ shape: [3, 2, 37] }] },
  { name: 'first of three channels, middle', attrs: { axis: 1, channel: 0 }, inputs: [{ shape: [3, 5, 7] }] },
  { name: 'last channel, columns', attrs: { axis: 2, channel: 2 }, inputs: [{ shape: [2, 3, 5, 4] }] },
];

const expandCases: Case<ExpandAttrs>[] = [
  {
    name: 'columns in fours',
    attrs: { shape: [3, 5, 12], scale: 3, offset: 1 },
    inputs: [{ shape: [3, 5, 1] }],
  },
  { name: 'scalar to fours', attrs: { shape: [5, 8], scale: 1, offset: 0 }, inputs: [{ shape: [] }] },
  { name: 'one', attrs: { shape: [1], scale: 2, offset: -1 }, inputs: [{ shape: [1] }] },
  { name: 'rows', attrs: { shape: [7, 5, 33], scale: 1, offset: 0 }, inputs: [{ shape: [5, 33] }] },
  { name: 'middle', attrs: { shape: [3, 10, 5], scale: -0.25, offset: 3 }, inputs: [{ shape: [3, 1, 5] }] },
];

export const reduceTests = [
  defineOpTest({ op: reduceOp, reference: reduceReference, cases: reduceCases, wrt: [0] }),
  defineOpTest({ op: expandOp, reference: expandReference, cases: expandCases }),
  defineOpTest({ op: maxOp, reference: maxReference, cases: maxCases }),
];
