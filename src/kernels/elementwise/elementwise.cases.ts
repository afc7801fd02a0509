import { type Case, defineOpTest } from '../op-test.ts';
import type { Shape } from '../tensor.ts';
import { binaryReference, combineReference } from './elementwise.ref.ts';
import { type BinaryAttrs, binaryOp, type CombineAttrs, combineOp } from './elementwise.ts';

const awayFromZero = (_: number, random: () => number) => (random() < 0.5 ? -1 : 1) * (0.5 + random());

const binaryCases: Case<BinaryAttrs>[] = [
  { name: 'one', attrs: { operation: 'add' }, inputs: [{ shape: [1] }, { shape: [1] }] },
  { name: 'scalar', attrs: { operation: 'multiply' }, inputs: [{ shape: [] }, { shape: [3, 5] }] },
  { name: 'odd', attrs: { operation: 'subtract' }, inputs: [{ shape: [3, 5, 7] }, { shape: [3, 5, 7] }] },
  { name: 'row', attrs: { operation: 'multiply' }, inputs: [{ shape: [2, 3, 33] }, { shape: [33] }] },
  { name: 'column', attrs: { operation: 'subtract' }, inputs: [{ shape: [5, 1] }, { shape: [5, 7] }] },
  {
    name: 'outer',
    attrs: { operation: 'divide' },
    inputs: [{ shape: [3, 1, 5, 1] }, { shape: [1, 4, 1, 7], values: awayFromZero }],
  },
  {
    name: 'own tokens plus prior',
    attrs: { operation: 'add' },
    inputs: [{ shape: [1, 10, 2, 64] }, { shape: [3, 1, 1, 64] }],
  },
  {
    name: 'repeated along fours',
    attrs: { operation: 'divide' },
    inputs: [{ shape: [3, 5, 8] }, { shape: [3, 5, 1], values: awayFromZero }],
  },
  {
    name: 'fours of odd rows',
    attrs: { operation: 'add' },
    inputs: [{ shape: [1, 3, 4] }, { shape: [7, 1, 4] }],
  },
  {
    name: 'positions',
    attrs: { operation: 'add' },
    inputs: [{ shape: [8, 145, 128] }, { shape: [145, 128] }],
  },
  {
    name: 'more than 65535 workgroups',
    attrs: { operation: 'add' },
    inputs: [{ shape: [65537 * 64 + 3] }, { shape: [1] }],
  },
];

const combined = (name: string, weights: readonly number[], shape: Shape): Case<CombineAttrs> => ({
  name,
  attrs: { weights },
  inputs: weights.map(() => ({ shape })),
});

const combineCases: Case<CombineAttrs>[] = [
  combined('two numbers', [1, 1], []),
  combined('three, odd', [1, -0.25, 3], [3, 5, 7]),
  combined('four', [1, 1, 1, 1], [5]),
  combined('five in fours', [0.5, 1, 1, 2, -1], [7, 12]),
  combined('six', [1, 2, 3, 4, 5, 6], [2, 33]),
];

export const elementwiseTests = [
  defineOpTest({ op: binaryOp, reference: binaryReference, cases: binaryCases }),
  defineOpTest({ op: combineOp, reference: combineReference, cases: combineCases }),
];
