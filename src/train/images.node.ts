// A data set's images as a trainer wants them.
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Dataset, Sample } from '../data/dataset.ts';
import { DatasetError } from '../data/errors.ts';
import type { Observations } from '../data/findings.ts';
import { readMask } from '../data/image.node.ts';
import { type Mask, oddMask } from '../data/image.ts';
import type { FeatureSource } from './features/source.ts';
import type { LabelledImages } from './images.ts';

/** A sample's mask; undefined where it has none. @throws ImageError, MaskError (another size than the image's) */
export async function loadMask(
  { mask }: Sample,
  { width, height }: { readonly width: number; readonly height: number },
  observed?: Observations,
): Promise<Mask | undefined> {
  if (mask === undefined) return undefined;
  const read = await readMask(mask, { width, height });
  observed?.mask(mask, oddMask(read));
  return read;
}

/** @throws DatasetError, of an image's features, for an anomalous image without a mask */
export function datasetImages({ root, samples }: Dataset, features: FeatureSource): LabelledImages {
  return {
    count: samples.length,
    ahead: features.ahead,
    name: (index) => samples[index]!.image,
    className: (index) => samples[index]!.className,
    async features(index) {
      const { image, anomaly, mask } = samples[index]!;
      if (anomaly && mask === undefined)
        throw new DatasetError({
          file: root,
          field: 'mask_path',
          expected: `a mask for the anomalous image ${image}`,
          found: 'none: it cannot be trained on',
        });
      return features.load(image);
    },
    async label(index, size) {
      const sample = samples[index]!;
      if (!sample.anomaly) return { anomalous: false };
      return { anomalous: true, mask: (await loadMask(sample, size, features.observed))! };
    },
  };
}

/** sha256 of what a run's order and targets depend on: the list of images, their labels and masks. */
export function hashSamples({ root, samples }: Dataset): string {
  const hash = createHash('sha256');
  const relative = (file: string) => path.relative(root, file).split(path.sep).join('/');
  for (const { image, mask, anomaly } of samples) {
    const masks = [mask ?? []].flat();
    hash.update(JSON.stringify([relative(image), masks.map(relative), anomaly]));
  }
  return hash.digest('hex');
}
