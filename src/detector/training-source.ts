// A trainer's images from whatever the caller handed over; features are kept for the epochs to come.
import { ImageError, MaskError } from '../data/errors.ts';
import { UnreachableError } from '../formats/errors.ts';
import type { HostFeatures } from '../model/clip/image-encoder.ts';
import type { ImageNeeds } from '../model/clip/needs.ts';
import { preprocessMask } from '../model/clip/preprocess.ts';
import type { TrainingSource } from '../train/source.ts';
import type { Environment } from './environment.ts';
import { fitting } from './local.ts';
import type { Model } from './model.ts';
import type { PortableSample } from './portable.ts';

/** What survives a lost device. */
export interface SampleCache {
  readonly features: Map<number, HostFeatures>;
  readonly masks: Map<number, Uint8Array | undefined>;
  bytes: number;
}

export const emptyCache = (): SampleCache => ({ features: new Map(), masks: new Map(), bytes: 0 });

/** Bytes of features that are kept; images beyond are encoded in every epoch. */
const maxCache = 2 ** 29;

export function createSampleSource(
  environment: Environment,
  { gpu, encode }: Model,
  samples: readonly PortableSample[],
  { size, needs }: { size: number; needs: ImageNeeds },
  cache: SampleCache,
): TrainingSource {
  const load = async (index: number) => {
    const { name, image, mask, className } = samples[index]!;
    let features = cache.features.get(index);
    if (!features || !cache.masks.has(index)) {
      const decoded = await environment.decodeImage(gpu, image);
      const binary = mask && (await environment.decodeMask(gpu, mask, decoded));
      cache.masks.set(index, binary?.data.some((value) => value > 0) ? await targets(binary) : undefined);
      features = await fitting(name, decoded, () => encode(size, needs, decoded));
      const bytes = Object.values(features).reduce((sum, values) => sum + values.byteLength, 0);
      if (cache.bytes + bytes <= maxCache) {
        cache.features.set(index, features);
        cache.bytes += bytes;
      }
    }
    const target = cache.masks.get(index);
    return {
      features,
      ...(className === undefined ? {} : { className }),
      anomalous: target !== undefined,
      ...(target ? { mask: target } : {}),
    };
  };
  const targets = async (mask: { width: number; height: number; data: Uint8Array }) =>
    Uint8Array.from(await preprocessMask(gpu, mask, size));
  return {
    count: samples.length,
    classes: [...new Set(samples.map(({ className = 'object' }) => className))],
    async load(index) {
      try {
        return await load(index);
      } catch (error) {
        if (error instanceof ImageError || error instanceof MaskError || error instanceof UnreachableError)
          return { file: String(index), problem: error }; // names may be repeated
        throw error;
      }
    },
  };
}
