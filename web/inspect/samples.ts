// Generated photographs for a person who has none at hand.
import { studio } from '../studio/studio.ts';
import type { SampleOptions } from '../studio/worker.ts';

export interface Sample {
  readonly label: string;
  readonly options: SampleOptions;
}

const size = 256;

export const samples: readonly Sample[] = [
  { label: 'Cracked tile', options: { surface: 'tile', defect: 'crack', seed: 11, size } },
  { label: 'Stained weave', options: { surface: 'weave', defect: 'stain', seed: 4, size } },
  { label: 'Scratched leather', options: { surface: 'leather', defect: 'scratch', seed: 7, size } },
  { label: 'Flawless wood', options: { surface: 'wood', defect: null, seed: 2, size } },
];

const drawn = new WeakSet<Blob>();
/** Whether a file is one of these, not a photograph. */
export const isSample = (file: Blob): boolean => drawn.has(file);

/** A file that was one of these before a reload. */
export const markSample = (file: Blob): void => void drawn.add(file);

/** Draws a sample as an image file. */
export async function drawSample({ label, options }: Sample): Promise<File> {
  const { image } = await studio().sample(options);
  const file = new File([image], `${label.toLowerCase().replace(/ /g, '-')}.png`, { type: 'image/png' });
  drawn.add(file);
  return file;
}
