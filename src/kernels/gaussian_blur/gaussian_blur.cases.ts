import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import { gaussianBlurReference } from './gaussian_blur.ref.ts';
import { gaussianBlurOp, gaussianWeights } from './gaussian_blur.ts';

const inputs = (shape: number[], sigma: number, truncate = 4): CaseInput[] => {
  const weights = gaussianWeights(sigma, truncate);
  return [
    { shape, values: (_, random) => random() },
    { shape: [weights.length], values: (i) => weights[i]! },
  ];
};

const cases: Case<object>[] = [
  { name: 'one pixel', attrs: {}, inputs: inputs([1, 1, 1], 2) },
  { name: 'one row', attrs: {}, inputs: inputs([1, 9], 1) },
  { name: 'one tap', attrs: {}, inputs: inputs([3, 5], 0) },
  { name: 'images', attrs: {}, inputs: inputs([2, 21, 17], 1.5) },
  { name: 'radius above the size', attrs: {}, inputs: inputs([1, 7, 13], 4) },
  { name: 'radius of several periods', attrs: {}, inputs: inputs([2, 2, 3, 5], 6) },
  { name: 'sigma 10', attrs: {}, inputs: inputs([1, 48, 48], 10, 1.5) },
];

export const gaussianBlurTest = defineOpTest({ op: gaussianBlurOp, reference: gaussianBlurReference, cases });
