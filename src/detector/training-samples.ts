// A trainer's images from whatever the caller handed over; features are kept for the epochs to come.

import { createStaging } from '../model/clip/staging.ts';
import type { LentEncoder } from '../train/features/collector.ts';
import { createFeatureMemory, type FeatureMemory } from '../train/features/memory.ts';
import { featuresOf } from '../train/features/source.ts';
import { createTrainingSource, type KeptMasks } from '../train/images.ts';
import type { TrainSettings } from '../train/settings.ts';
import type { TrainingSource } from '../train/source.ts';
import type { Environment } from './environment.ts';
import type { Model } from './model.ts';
import type { PortableSample } from './portable.ts';

/** What survives a lost device. */
export interface SampleMemory {
  readonly features: FeatureMemory<number>;
  readonly masks: KeptMasks;
}

export const createSampleMemory = (): SampleMemory => ({ features: createFeatureMemory(), masks: new Map() });

/** @param memory features and masks that outlive this source, which ends with its device */
export function sampleSource(
  environment: Environment,
  { model, samples }: { readonly model: Model; readonly samples: readonly PortableSample[] },
  { method, imageSize, dualLayers, precision }: TrainSettings,
  memory: SampleMemory,
): { readonly source: TrainingSource; dispose(): void } {
  const { gpu, clip, encoders } = model;
  const needs = method.needs(clip.config, { dualLayers });
  const batch = encoders.batch(imageSize, needs);
  const staging = createStaging({ gpu, clip, size: imageSize, needs }, 2 * batch);
  const encoder: LentEncoder = {
    batch,
    staging,
    use: (work) => encoders.use(imageSize, needs, work),
    dispose: () => staging.dispose(), // the encoder is the model's
  };
  const store = memory.features.keep({
    name: (index) => samples[index]!.name,
    open: async (index, use) => use(await environment.decodeImage(gpu, samples[index]!.image)),
  });
  const features = featuresOf(store, encoder, { precision });
  const source = createTrainingSource(
    gpu,
    {
      count: samples.length,
      ahead: features.ahead,
      name: String, // a sample's own may be another's, too
      className: (index) => samples[index]!.className,
      features: features.load,
      async label(index, size) {
        const { mask } = samples[index]!;
        const read = mask && (await environment.decodeMask(gpu, mask, size));
        return read?.data.some((value) => value > 0) ? { anomalous: true, mask: read } : { anomalous: false };
      },
    },
    imageSize,
    memory.masks,
  );
  return { source, dispose: () => features.dispose() };
}
