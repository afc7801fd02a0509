import { type Case, defineOpTest } from '../op-test.ts';
import type { Shape } from '../tensor.ts';
import { imageTensorReference } from './image_tensor.ref.ts';
import { type ImageTensorAttrs, imageTensorOp } from './image_tensor.ts';

const image = (name: string, shape: Shape, mean: number[], std: number[]): Case<ImageTensorAttrs> => ({
  name,
  attrs: { mean, std },
  inputs: [{ shape, dtype: 'u8', values: (_, random) => Math.floor(256 * random()) }],
});

const cases: Case<ImageTensorAttrs>[] = [
  image('one pixel', [1, 1, 3], [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]),
  image('odd', [5, 7, 3], [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]),
  image('mask', [9, 13, 1], [0], [1]),
  image('two channels', [3, 3, 2], [0.5, 0.25], [0.5, 0.125]),
  image('four channels', [6, 11, 4], [0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]),
  image('model', [144, 144, 3], [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]),
];

export const imageTensorTest = defineOpTest({ op: imageTensorOp, reference: imageTensorReference, cases });
