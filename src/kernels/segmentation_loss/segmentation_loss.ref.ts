import { diceReference } from '../dice/dice.ref.ts';
import { focalReference } from '../focal/focal.ref.ts';
import type { Reference } from '../op-test.ts';
import type { SegmentationLossAttrs } from './segmentation_loss.ts';

/** The definitions of its three losses. */
const dice = ({ diceSmooth: smooth }: SegmentationLossAttrs) =>
  [
    { channel: 1, smooth },
    { channel: 0, smooth },
  ] as const;

export const segmentationLossReference: Reference<SegmentationLossAttrs> = {
  forward: (attrs, inputs) => [
    ...focalReference.forward(attrs, inputs),
    ...dice(attrs).flatMap((of) => diceReference.forward(of, inputs)),
  ],
  backward(attrs, inputs, [ofFocal, ...ofDice]) {
    const parts = [
      focalReference.backward!(attrs, inputs, [ofFocal])[0]!,
      ...dice(attrs).map((of, i) => diceReference.backward!(of, inputs, [ofDice[i]])[0]!),
    ];
    const data = parts[0]!.data.map((_, i) => parts.reduce((sum, part) => sum + part.data[i]!, 0));
    return [{ shape: parts[0]!.shape, data }, undefined];
  },
};
