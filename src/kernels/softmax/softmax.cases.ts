import { type Case, defineOpTest } from '../op-test.ts';
import { softmaxReference } from './softmax.ref.ts';
import { type SoftmaxAttrs, softmaxOp } from './softmax.ts';

const wide = (_: number, __: () => number, normal: () => number) => 60 * normal();
const cosine = (_: number, random: () => number) => 2 * random() - 1;

const cases: Case<SoftmaxAttrs>[] = [
  { name: 'rows of one', attrs: { axis: 1, scale: 1 }, inputs: [{ shape: [5, 1] }] },
  { name: 'odd', attrs: { axis: 1, scale: 1 }, inputs: [{ shape: [3, 7] }] },
  { name: 'first of three', attrs: { axis: 0, scale: 0.5 }, inputs: [{ shape: [3, 5, 7] }] },
  { name: 'middle', attrs: { axis: 1, scale: 1 }, inputs: [{ shape: [2, 129, 3] }] },
  { name: 'last', attrs: { axis: 2, scale: 1 }, inputs: [{ shape: [2, 3, 37] }] },
  {
    name: 'large values',
    attrs: { axis: 1, scale: 1 },
    inputs: [{ shape: [3, 10], values: wide }],
  },
  {
    name: 'two classes, the second almost certain',
    attrs: { axis: 1, scale: 1 },
    inputs: [{ shape: [4, 2, 9], values: (i, random) => (Math.floor(i / 9) % 2) * (14 + random()) }],
  },
  {
    name: 'long rows, the last almost certain',
    attrs: { axis: 1, scale: 1 },
    inputs: [{ shape: [2, 300], values: (i, random) => (i % 300 === 299 ? 20 : random()) }],
  },
  { name: 'one row', attrs: { axis: 0, scale: 1 }, inputs: [{ shape: [1370] }] },
  { name: 'long rows', attrs: { axis: 1, scale: 0.125 }, inputs: [{ shape: [2, 1370] }] },
  {
    name: 'patches, two classes',
    attrs: { axis: 1, scale: 1 / 0.07 },
    inputs: [{ shape: [8, 2, 1369], values: cosine }],
  },
  {
    name: 'image, two classes',
    attrs: { axis: 1, scale: 1 / 0.07 },
    inputs: [{ shape: [8, 2], values: cosine }],
  },
];

export const softmaxTest = defineOpTest({ op: softmaxOp, reference: softmaxReference, cases });
