import { type Case, defineOpTest } from '../op-test.ts';
import { conv2dReference } from './conv2d.ref.ts';
import { type Conv2dAttrs, conv2dOp } from './conv2d.ts';

interface Extra extends Conv2dAttrs {
  readonly bias?: boolean;
  readonly half?: boolean;
}

/** @param x [B, H, W, C] @param kernel [height, width, out] */
const convolution = (
  name: string,
  x: readonly [number, number, number, number],
  [height, width, out]: readonly [number, number, number],
  { bias = false, half = false, ...attrs }: Extra = {},
): Case<Conv2dAttrs> => {
  const weight = [height, width, out, x[3]];
  return {
    name,
    attrs,
    inputs: [
      { shape: x },
      half ? { shape: weight, dtype: 'f16' } : { shape: weight },
      bias ? { shape: [out] } : undefined,
    ],
  };
};

/** Zero padding that keeps the size. */
const same = (height: number, width = height): Conv2dAttrs => ({
  padding: [(height - 1) / 2, (width - 1) / 2],
});

const cases: Case<Conv2dAttrs>[] = [
  convolution('one', [1, 1, 1, 1], [1, 1, 1]),
  convolution('1x1', [2, 3, 5, 7], [1, 1, 6], { bias: true }),
  convolution('3x3 on one pixel', [1, 1, 1, 4], [3, 3, 4], same(3)),
  convolution('3x3, odd channels', [2, 5, 4, 3], [3, 3, 5], { ...same(3), bias: true }),
  convolution('3x3, channels in fours', [1, 6, 7, 8], [3, 3, 12], { ...same(3), bias: true }),
  convolution('3x3 without padding', [1, 6, 5, 4], [3, 3, 6]),
  convolution('3x3, stride 2', [2, 7, 8, 5], [3, 3, 4], { stride: 2, padding: [1, 1], bias: true }),
  convolution('2x2, stride 2, the last row unseen', [1, 5, 7, 4], [2, 2, 8], { stride: 2 }),
  convolution('4x4, stride 4: patches', [2, 8, 12, 3], [4, 4, 9], { stride: 4, bias: true }),
  convolution('more padding than kernel', [1, 3, 2, 4], [2, 2, 3], { padding: [3, 2] }),
  convolution('1x5', [1, 7, 6, 9], [1, 5, 8], { ...same(1, 5), bias: true }),
  convolution('5x1', [2, 7, 6, 8], [5, 1, 9], same(5, 1)),
  convolution('5x5', [1, 4, 9, 4], [5, 5, 4], same(5)),
  convolution('7x7', [1, 9, 9, 6], [7, 7, 10], { ...same(7), bias: true }),
  convolution('7x7 on fewer pixels', [2, 3, 4, 8], [7, 7, 8], same(7)),
  convolution('tiles and one more', [1, 13, 5, 36], [3, 3, 65], same(3)),
  convolution('strips and one more', [1, 7, 7, 12], [3, 3, 130], { ...same(3), bias: true }),
  convolution('f16 weight', [1, 6, 6, 12], [3, 3, 16], { ...same(3), bias: true, half: true }),
  convolution('f16 weight, odd', [2, 5, 4, 7], [3, 3, 5], { ...same(3), half: true }),
  convolution('the golden FiLO', [1, 6, 6, 64], [7, 7, 32], { ...same(7), bias: true }),
  convolution("FiLO's grid, few channels", [1, 37, 37, 8], [7, 7, 4], { ...same(7), bias: true }),
];

export const conv2dTest = defineOpTest({ op: conv2dOp, reference: conv2dReference, cases });
