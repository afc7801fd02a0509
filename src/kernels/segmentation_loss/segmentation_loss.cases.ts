import { type Case, type CaseInput, defineOpTest } from '../op-test.ts';
import { segmentationLossReference } from './segmentation_loss.ref.ts';
import { type SegmentationLossAttrs, segmentationLossOp } from './segmentation_loss.ts';

type Values = NonNullable<CaseInput['values']>;
const attrs: SegmentationLossAttrs = { gamma: 2, smooth: 1e-5, diceSmooth: 1 };
const likely: Values = (_, random) => 0.01 + 0.98 * random();
/** Includes exact 0 and 1: pt is then as small as 2e-5 or exceeds 1. */
const saturated: Values = (_, random) => Math.min(Math.max(3 * random() - 1, 0), 1);
const binary: Values = (_, random) => (random() < 0.2 ? 1 : 0);
const maps = (
  batch: number,
  height: number,
  width: number,
  { prob = likely, mask = binary }: { prob?: Values; mask?: Values } = {},
): CaseInput[] => [
  { shape: [batch, 2, height, width], values: prob },
  { shape: [batch, height, width], values: mask },
];
const bytes = ([prob, mask]: CaseInput[]): CaseInput[] => [prob!, { ...mask!, dtype: 'u8' }];

const cases: Case<SegmentationLossAttrs>[] = [
  { name: 'one pixel', attrs, inputs: maps(1, 1, 1) },
  { name: 'odd', attrs, inputs: maps(3, 9, 11) },
  { name: 'saturated', attrs, inputs: maps(2, 4, 6, { prob: saturated }) },
  { name: 'gamma 0.5', attrs: { gamma: 0.5, smooth: 1e-3, diceSmooth: 0.25 }, inputs: maps(2, 5, 7) },
  { name: 'nothing abnormal', attrs, inputs: maps(2, 4, 6, { mask: () => 0 }) },
  { name: 'soft mask', attrs, inputs: maps(2, 5, 7, { mask: (_, random) => random() }) },
  { name: 'several stretches', attrs, inputs: maps(2, 67, 97) },
  { name: 'mask of bytes, several stretches', attrs, inputs: bytes(maps(2, 67, 97)) },
];

export const segmentationLossTest = defineOpTest({
  op: segmentationLossOp,
  reference: segmentationLossReference,
  cases,
  differentiable: [0, 1, 2],
  wrt: [0],
});
