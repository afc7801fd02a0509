/** Whether the labels of a training's images can teach anything. */
import { TrainingError } from './errors.ts';

export interface LabelCounts {
  readonly normal: number;
  /** Anomalous images with a mask. */
  readonly anomalous: number;
  /** Anomalous images without one, which cannot be trained on. */
  readonly unmasked?: number;
}

/**
 * @param setting how messages call the images: `data`, `samples`
 * @returns a warning where no image is normal: some data sets have no others, and the field trains on them
 * @throws TrainingError where no image is anomalous: prompts would learn nothing of defects
 */
export function checkLabels(
  { normal, anomalous, unmasked = 0 }: LabelCounts,
  setting: string,
): string | undefined {
  if (anomalous === 0) {
    const without = unmasked > 0 ? ` and ${unmasked} anomalous without a mask` : '';
    throw new TrainingError({
      setting,
      expected: 'anomalous images with masks to train on',
      found: `${normal} normal images${without}`,
    });
  }
  return normal > 0
    ? undefined
    : `${setting}: none of the ${anomalous} images to train on is normal: scores of images may mean little`;
}
