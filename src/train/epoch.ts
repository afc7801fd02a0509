// What is trained on in an epoch: the phase that it is of, and the batches of its images.

import type { StepImage } from './resident.ts';
import type { ImageProblem } from './source.ts';

/** The phase, from 0, that an epoch (from 0) is of. */
export function phaseOf(phases: readonly number[], epoch: number): number {
  let end = 0;
  const found = phases.findIndex((length) => {
    end += length;
    return epoch < end;
  });
  return found < 0 ? phases.length - 1 : found;
}

/** Groups usable images; unusable ones are reported and made up for, so that only an epoch's last batch is smaller. */
export async function* batches(
  loaded: AsyncIterable<StepImage | ImageProblem>,
  size: number,
  report: (problem: ImageProblem) => void,
): AsyncGenerator<{ images: StepImage[]; consumed: number }> {
  let images: StepImage[] = [];
  let consumed = 0;
  for await (const image of loaded) {
    consumed += 1;
    if ('problem' in image) report(image);
    else images.push(image);
    if (images.length < size) continue;
    yield { images, consumed };
    images = [];
    consumed = 0;
  }
  if (consumed > 0) yield { images, consumed };
}
