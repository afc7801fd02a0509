// A small generated data set, to try training without one.
import { planDataset } from '../../src/data/synth/generate.ts';
import { studio } from '../studio/studio.ts';
import type { NewItem } from './items.ts';

/** Twelve images of three surfaces, half of them with a defect. */
export async function generateItems(): Promise<NewItem[]> {
  const size = 128;
  const planned = planDataset({
    seed: 1,
    imageSize: size,
    classes: ['tile', 'weave', 'wood'],
    good: 2,
    defective: 2,
  });
  return Promise.all(
    planned.map(async ({ className, defect, seed, image: path }) => {
      const { image, mask } = await studio().sample({ surface: className, defect, seed, size });
      return { name: path, image, ...(mask ? { mask } : {}) };
    }),
  );
}
