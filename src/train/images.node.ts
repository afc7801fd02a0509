// A data set's images as a trainer wants them.
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Dataset, Sample } from '../data/dataset.ts';
import { DatasetError, ImageError, MaskError } from '../data/errors.ts';
import type { Observations } from '../data/findings.ts';
import { readMask } from '../data/image.node.ts';
import { oddMask } from '../data/image.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { preprocessMask } from '../model/clip/preprocess.ts';
import type { FeatureSource } from './features/features.node.ts';
import type { TrainingSource } from './source.ts';

/** Whether an error is about one image, so that others can go on. */
export const isImageProblem = (error: unknown): error is ImageError | MaskError | DatasetError =>
  error instanceof ImageError || error instanceof MaskError || error instanceof DatasetError;

/**
 * A sample's mask at the CLIP's image size, 1 where anomalous; undefined where the sample has none.
 * @throws ImageError, MaskError (another size than the image's)
 */
export async function loadMask(
  gpu: Gpu,
  { mask }: Sample,
  image: { width: number; height: number },
  size: number,
  observed?: Observations,
): Promise<Uint8Array | undefined> {
  if (mask === undefined) return undefined;
  const { width, height } = image;
  const read = await readMask(mask, { width, height });
  observed?.mask(mask, oddMask(read));
  return Uint8Array.from(await preprocessMask(gpu, read, size));
}

/** Resized masks are kept, one bit a pixel. */
export function createTrainingSource(
  gpu: Gpu,
  { root, samples }: Dataset,
  features: FeatureSource,
  size: number,
): TrainingSource {
  const masks = new Map<number, Uint8Array>();
  return {
    count: samples.length,
    classes: [...new Set(samples.map(({ className }) => className))],
    async load(index) {
      const sample = samples[index]!;
      const { image: file, anomaly: anomalous, className } = sample;
      try {
        if (!anomalous) return { features: (await features.load(file)).features, className, anomalous };
        if (sample.mask === undefined)
          throw new DatasetError(
            root,
            'mask_path',
            `a mask for the anomalous image ${file}`,
            'none: it cannot be trained on',
          );
        const loaded = await features.load(file);
        const kept = masks.get(index);
        const mask = kept
          ? unpackBits(kept, size * size)
          : (await loadMask(gpu, sample, loaded, size, features.observed))!;
        if (!kept) masks.set(index, packBits(mask));
        return { features: loaded.features, className, anomalous, mask };
      } catch (error) {
        if (isImageProblem(error)) return { file, problem: error };
        throw error;
      }
    },
  };
}

function packBits(mask: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(mask.length / 8));
  mask.forEach((value, i) => {
    if (value) bits[i >> 3]! |= 1 << (i & 7);
  });
  return bits;
}

const unpackBits = (bits: Uint8Array, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (bits[i >> 3]! >> (i & 7)) & 1);

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
