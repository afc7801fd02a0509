// What determines the result of a pretraining run, to the last bit (besides the generator and the adapter).
import { captionLength, captionWords } from '../../data/synth/captions.ts';
import { type ClipConfig, smallClipConfig } from '../../model/clip/config.ts';
import { smallClipWords } from '../../model/clip/tokenizer/words.ts';

export interface PretrainSettings {
  readonly config: ClipConfig;
  /** The vocabulary: token ids are places in this list. */
  readonly words: readonly string[];
  readonly seed: number;
  /** Length of the cosine along which the learning rate falls. */
  readonly steps: number;
  /** The last step, if the run is to end before the cosine does. */
  readonly stopAt: number;
  /** Steps before `stopAt` in which the learning rate falls in a line, from the cosine's value to 0. */
  readonly cooldown: number;
  readonly batch: number;
  /** Side of the training images in pixels: a multiple of the patch size. */
  readonly imageSize: number;
  /** Largest learning rate, reached after `warmup` steps. */
  readonly learningRate: number;
  readonly warmup: number;
  readonly decay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Weight of the patches' loss against the image's own pair of captions; 0: plain CLIP. */
  readonly regionWeight: number;
  /** How often each drawn image is shown, differently exposed and mirrored; absent: once. Drawing costs more than a GPU's step. */
  readonly visits?: number;
  /** sha256 of the CLIP that the run begins with; absent: from scratch. */
  readonly init?: string;
  /** Photographs among the drawn images; absent: none. */
  readonly photos?: PhotoShares;
}

/** What part of the stream is photographs; the rest is drawn. */
export interface PhotoShares {
  /** sha256 of the photographs' index. */
  readonly hash: string;
  readonly flawless: number;
  /** With a defect that the generator paints onto them. */
  readonly painted: number;
  /** Of real defects. */
  readonly real: number;
  /** What part of the flawless and painted ones are surfaces; absent: as sources come. */
  readonly surfaces?: number;
}

/** So many batches are drawn before the first of them is shown again. */
const visitDistance = 120;

/**
 * The batch of images that a step shows, and whether it shows it for the last time; batches and steps from 1.
 * With several visits, blocks of `visitDistance` batches are shown so often in a row.
 */
export function drawingOf({ visits = 1 }: PretrainSettings, step: number): { batch: number; last: boolean } {
  const [block, within] = [
    Math.floor((step - 1) / (visitDistance * visits)),
    (step - 1) % (visitDistance * visits),
  ];
  return {
    batch: block * visitDistance + (within % visitDistance) + 1,
    last: within >= visitDistance * (visits - 1),
  };
}

/** Tokens of a training text, start and end included. */
export const textLength = captionLength + 2;

/** The words of captions and of the hand-written prompts that are used with CLIP. */
export const pretrainWords = (more: readonly string[] = []): string[] => [
  ...new Set([...smallClipWords, ...captionWords(), ...more]),
];

/** Sizes of the image encoder that may differ from the shipped CLIP's. */
export interface PretrainSizes {
  readonly patch?: number | undefined;
  readonly width?: number | undefined;
  readonly layers?: number | undefined;
  readonly embed?: number | undefined;
}

/** The small CLIP for training images of `imageSize` pixels. @throws RangeError for sizes that do not fit */
export function pretrainConfig(words: number, imageSize: number, sizes: PretrainSizes = {}): ClipConfig {
  const { patch = 8, width, layers, embed } = sizes;
  if (imageSize % patch !== 0)
    throw new RangeError(`image size: expected a multiple of the patch size ${patch}, found ${imageSize}`);
  return smallClipConfig(words, {
    patch,
    grid: imageSize / patch,
    ...(width === undefined ? {} : { visionWidth: width }),
    ...(layers === undefined ? {} : { visionLayers: layers }),
    ...(embed === undefined ? {} : { embedDim: embed }),
  });
}

/** CLIP's optimizer for ViT models. */
export const clipAdam = { beta1: 0.9, beta2: 0.98, epsilon: 1e-6 } as const;

/** Linear warm-up, half a cosine to 0 after `steps`, and the cool-down of a run that ends earlier. @param step from 1 */
export function learningRateAt(settings: PretrainSettings, step: number): number {
  const { learningRate, warmup, steps, stopAt, cooldown } = settings;
  const begin = stopAt - cooldown;
  if (step > begin) {
    const from = learningRateAt({ ...settings, stopAt: steps, cooldown: 0 }, begin);
    return (from * (stopAt + 1 - step)) / (cooldown + 1);
  }
  if (step <= warmup) return (learningRate * step) / warmup;
  return (learningRate / 2) * (1 + Math.cos((Math.PI * (step - warmup)) / Math.max(1, steps + 1 - warmup)));
}
