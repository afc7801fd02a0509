import { type Case, defineOpTest } from '../op-test.ts';
import type { Shape } from '../tensor.ts';
import { resizeBilinearReference } from './resize_bilinear.ref.ts';
import { type ResizeBilinearAttrs, resizeBilinearOp } from './resize_bilinear.ts';

const resized = (
  name: string,
  shape: Shape,
  [height, width]: readonly [number, number],
  channelsLast?: boolean,
): Case<ResizeBilinearAttrs> => ({
  name,
  attrs: channelsLast ? { height, width, channelsLast } : { height, width },
  inputs: [{ shape }],
});

const cases: Case<ResizeBilinearAttrs>[] = [
  resized('3to7', [1, 2, 3, 3], [7, 7]),
  resized('6to48', [2, 1, 6, 6], [48, 48]),
  resized('5to70', [1, 2, 5, 5], [70, 70]),
  resized('rect', [1, 3, 5, 4], [9, 13]),
  resized('one', [1, 1, 1, 1], [5, 5]),
  resized('down', [1, 2, 7, 9], [4, 3]),
  resized('same', [1, 1, 4, 4], [4, 4]),
  resized('to one', [2, 5, 6], [1, 1]),
  resized('one_row', [1, 1, 1, 6], [3, 11]),
  resized('taller and narrower', [3, 4, 11], [9, 5]),
  resized('down by much', [1, 67, 101], [3, 7]),
  resized('by a third', [1, 8, 8], [9, 7]),
  resized('positions 24 to 37', [24, 24, 33], [37, 37], true),
  resized('positions 24 to 12', [24, 24, 5], [12, 12], true),
  resized('channels last, rect', [2, 3, 5, 2], [7, 4], true),
  resized('row37to518', [1, 2, 1, 37], [1, 518]),
  resized('37 to 518', [1, 37, 37], [518, 518]),
  resized('518 to 37', [1, 518, 518], [37, 37]),
];

export const resizeBilinearTest = defineOpTest({
  op: resizeBilinearOp,
  reference: resizeBilinearReference,
  cases,
});
