// What determines the result of a run, to the last bit.
import { createRandom, deriveSeed } from '../base/random.ts';
import { fapromptFamilyName } from '../model/methods/faprompt/faprompt.ts';
import type { Learning, Method } from '../model/methods/method.ts';
import { TrainingError } from './errors.ts';

/** How image features are stored, and therefore rounded. */
export type FeaturePrecision = 'f32' | 'f16';

export interface TrainSettings {
  /** One that learns. */
  readonly method: Method;
  /** Side of the images in pixels, a multiple of the patch size. */
  readonly imageSize: number;
  /** Trailing image-encoder blocks with the V-V stream. */
  readonly dualLayers: number;
  readonly epochs: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly precision: FeaturePrecision;
  /** sha256 of the CLIP's weights file. */
  readonly clip: string;
  /** sha256 of the list of training images. */
  readonly data: string;
}

/** How a method learns. @throws TrainingError for one that learns nothing */
export function learningOf({ name, learning }: Method): Learning {
  if (learning) return learning;
  throw new TrainingError({ setting: 'method', expected: 'one that learns', found: name });
}

/**
 * The settings under the names of the command line, one level deep; `epochs` may change between parts of a run, unless
 * the learning rate depends on them.
 */
export function fixedSettings(settings: TrainSettings): Record<string, unknown> {
  const { method, learningRate, epochs, ...rest } = settings;
  const { optimizer } = learningOf(method);
  return {
    ...rest,
    lr: learningRate,
    ...optimizer.settings,
    // A rate that depends on where the end is makes another run of a longer one.
    ...(optimizer.dependsOnEnd ? { epochs } : {}),
    ...(method.family === fapromptFamilyName ? {} : { method: method.family }),
    ...method.options,
  };
}

/** @throws TrainingError naming the first setting that differs from the one that the checkpoint was made with. */
export function checkSameSettings(
  saved: Readonly<Record<string, unknown>>,
  settings: TrainSettings,
  file: string,
): void {
  const now = fixedSettings(settings);
  for (const setting of new Set([...Object.keys(now), ...Object.keys(saved)])) {
    const [before, found] = [saved[setting], now[setting]].map(
      (value) => JSON.stringify(value) ?? 'nothing',
    ) as [string, string];
    if (before !== found)
      throw new TrainingError({ file, setting, expected: `${before} as in the checkpoint`, found });
  }
}

/** The order of an epoch (from 0): a function of seed and epoch alone, so there is no generator state to save. */
export const epochOrder = (seed: number, epoch: number, count: number): number[] =>
  createRandom(deriveSeed(seed, 'epoch', epoch)).shuffle(Array.from({ length: count }, (_, i) => i));
