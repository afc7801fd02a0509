// A trainer's images: their features, and their masks at the CLIP's image size.
import { DatasetError, ImageError, MaskError } from '../data/errors.ts';
import type { Mask } from '../data/image.ts';
import { UnreachableError } from '../formats/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { preprocessMask } from '../model/clip/preprocess.ts';
import type { FeatureEntry } from './features/entry.ts';
import type { TrainingSource } from './source.ts';

type ImageFault = ImageError | MaskError | DatasetError | UnreachableError;

/** Whether an error is about one image, so that others can go on. */
export const isImageProblem = (error: unknown): error is ImageFault =>
  [ImageError, MaskError, DatasetError, UnreachableError].some((kind) => error instanceof kind);

/** Labelled images, by their indices. */
export interface LabelledImages {
  readonly count: number;
  /** Images to ask for at the same time (FeatureSource.ahead). */
  readonly ahead?: number;
  /** What problems call an image: unlike any other's. */
  name(index: number): string;
  /** What an image shows, for prompts that name it; undefined: nothing in particular. */
  className(index: number): string | undefined;
  /** @throws what `isImageProblem` knows */
  features(index: number): Promise<FeatureEntry>;
  /** Whether an image is anomalous, and where. @throws what `isImageProblem` knows */
  label(index: number, size: { readonly width: number; readonly height: number }): Promise<Label>;
}

export type Label = { readonly anomalous: false } | { readonly anomalous: true; readonly mask: Mask };

/** Masks that were read, at the CLIP's image size, one bit a pixel; undefined for a normal image. */
export type KeptMasks = Map<number, Uint8Array | undefined>;

/** A mask at the CLIP's image size, 1 where anomalous [S * S]. */
export const resizeMask = async (gpu: Gpu, mask: Mask, size: number): Promise<Uint8Array> =>
  Uint8Array.from(await preprocessMask(gpu, mask, size));

/** @param masks of these images at this size that were read before; filled */
export function createTrainingSource(
  gpu: Gpu,
  images: LabelledImages,
  size: number,
  masks: KeptMasks = new Map(),
): TrainingSource {
  const unnamed = 'object';
  const classes = Array.from({ length: images.count }, (_, i) => images.className(i) ?? unnamed);
  const maskOf = async (index: number, image: FeatureEntry): Promise<Uint8Array | undefined> => {
    if (masks.has(index)) {
      const kept = masks.get(index);
      return kept && unpackBits(kept, size * size);
    }
    const label = await images.label(index, image);
    const mask = label.anomalous ? await resizeMask(gpu, label.mask, size) : undefined;
    masks.set(index, mask && packBits(mask));
    return mask;
  };
  return {
    count: images.count,
    ...(images.ahead === undefined ? {} : { ahead: images.ahead }),
    classes: [...new Set(classes)],
    async load(index) {
      try {
        const image = await images.features(index);
        const mask = await maskOf(index, image);
        const className = images.className(index);
        return {
          features: image.features,
          ...(className === undefined ? {} : { className }),
          anomalous: mask !== undefined,
          ...(mask ? { mask } : {}),
        };
      } catch (error) {
        if (isImageProblem(error)) return { file: images.name(index), problem: error };
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
