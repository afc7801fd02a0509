// Sizes of a CLIP, and those of the models that are known by name.
import type { PixelScale } from './pixels.ts';

/** Non-linearity of the MLPs: QuickGELU x * sigmoid(1.702 x) in OpenAI's models, GELU in most of OpenCLIP's. */
export const activations = ['quickgelu', 'gelu'] as const;
export type Activation = (typeof activations)[number];

/** Sizes of a CLIP with a ViT image encoder, under the names of OpenAI's `CLIP.__init__`. */
export interface ClipConfig {
  readonly visionWidth: number;
  readonly visionLayers: number;
  readonly visionHeads: number;
  /** Side of a patch in pixels. */
  readonly patch: number;
  /** Side of the trained position table in patches. */
  readonly grid: number;
  /** Side of the images that it was trained on in pixels: grid * patch. */
  readonly imageResolution: number;
  readonly textWidth: number;
  readonly textLayers: number;
  readonly textHeads: number;
  readonly contextLength: number;
  readonly vocabSize: number;
  /** Width of the joint embedding. */
  readonly embedDim: number;
  readonly activation: Activation;
  /** Side to which images are brought unless told otherwise, where the weights say so (`weights convert --detect-size`). */
  readonly detectSize?: number;
  /** Where they are not OpenAI's. */
  readonly pixels?: PixelScale;
}

/** Width of a head: in both encoders, or in each. */
export type HeadDim = number | { readonly vision: number; readonly text: number };

/** What the shapes of the weights do not say. */
export interface Unwritten {
  /** Default 64, as in OpenAI's models and most others. */
  readonly headDim?: HeadDim | undefined;
  /** Default QuickGELU, as in OpenAI's models. */
  readonly activation?: Activation | undefined;
  /** Default: OpenAI's. */
  readonly pixels?: PixelScale | undefined;
}

/** The sizes that determine a ClipConfig. */
export type ClipSizes = Omit<
  ClipConfig,
  'visionHeads' | 'textHeads' | 'imageResolution' | 'activation' | 'pixels'
> &
  Unwritten;

/** As given, or 64. */
export const headDims = (headDim: HeadDim = 64): { vision: number; text: number } =>
  typeof headDim === 'number' ? { vision: headDim, text: headDim } : headDim;

/**
 * Completes sizes with what follows from them: heads = width / headDim, imageResolution = grid * patch.
 * @throws RangeError if a width is not a multiple of its headDim
 */
export function clipConfig({ headDim, activation = 'quickgelu', pixels, ...sizes }: ClipSizes): ClipConfig {
  const { visionWidth, textWidth, patch, grid } = sizes;
  const { vision, text } = headDims(headDim);
  for (const [name, width, dim] of [
    ['visionWidth', visionWidth, vision],
    ['textWidth', textWidth, text],
  ] as const)
    if (width % dim !== 0)
      throw new RangeError(`${name}: expected a multiple of headDim ${dim}, found ${width}`);
  return {
    ...sizes,
    visionHeads: visionWidth / vision,
    textHeads: textWidth / text,
    imageResolution: grid * patch,
    activation,
    ...(pixels ? { pixels } : {}),
  };
}

const openai = { contextLength: 77, vocabSize: 49408, textLayers: 12 };
const base = { ...openai, visionWidth: 768, visionLayers: 12, textWidth: 512, embedDim: 512 };
const large = { ...openai, visionWidth: 1024, visionLayers: 24, textWidth: 768, embedDim: 768, patch: 14 };

/** OpenAI's ViT models. */
export const knownClipConfigs = {
  'ViT-B/32': clipConfig({ ...base, patch: 32, grid: 7 }),
  'ViT-B/16': clipConfig({ ...base, patch: 16, grid: 14 }),
  'ViT-L/14': clipConfig({ ...large, grid: 16 }),
  'ViT-L/14@336px': clipConfig({ ...large, grid: 24 }),
} as const;

/** The CLIP that ships in weights/, or one of other sizes; its vocabulary is a word list of `words` words. */
export const smallClipConfig = (words: number, sizes: Partial<ClipSizes> = {}): ClipConfig =>
  clipConfig({
    visionWidth: 128,
    visionLayers: 4,
    patch: 8,
    grid: 8,
    textWidth: 128,
    textLayers: 4,
    contextLength: 77,
    vocabSize: words + 2,
    embedDim: 64,
    headDim: 32,
    ...sizes,
  });
