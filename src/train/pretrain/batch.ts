// A step's images, texts and targets: a function of the settings and the step alone.
import { createRandom, deriveSeed, type Random } from '../../base/random.ts';
import type { Mask, RgbImage } from '../../data/image.ts';
import type { PhotoKind, PhotoStream } from '../../data/photos/stream.node.ts';
import { drawSample } from '../../data/synth/stream.ts';
import { clipMean, clipStd } from '../../model/clip/pixels.ts';
import { createWordTokenizer, type Tokenizer, tokenize } from '../../model/clip/tokenizer/tokenizer.ts';
import { drawingOf, type PretrainSettings, textLength } from './settings.ts';

/** The inputs of the step's graph. B images; T = 2 B texts: captions, then counterparts; n patches. */
export interface PretrainBatch {
  /** [B, 3, S, S], normalised. */
  readonly images: Float32Array<ArrayBuffer>;
  /** [T, textLength]. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** [T, 1]: row of the end token. */
  readonly ends: Int32Array<ArrayBuffer>;
  /** [B, 1]: 1 where the caption tells of a defect, -1 where the counterpart does. */
  readonly signs: Float32Array<ArrayBuffer>;
  /** [B, n, 1]: the patches' weights as members of the abnormal and of the normal class. */
  readonly abnormalPatches: Float32Array<ArrayBuffer>;
  readonly normalPatches: Float32Array<ArrayBuffer>;
}

/** One image of a batch, drawn or photographed. */
export interface Drawn {
  readonly image: RgbImage;
  /** A photograph's colours may be changed further; a drawn image's belong to its caption. */
  readonly photograph: boolean;
  /** null: where the defect is, nobody knows; such an image's patches are in no class. */
  readonly mask: Mask | null;
  readonly abnormal: boolean;
  readonly caption: string;
  readonly counterpart: string;
}

/** Draws the sample of a place in the stream. */
async function draw(
  settings: PretrainSettings,
  index: number,
  photos: PhotoStream | undefined,
): Promise<Drawn> {
  const { seed, imageSize } = settings;
  const kind = kindOf(settings, index);
  if (kind) {
    if (!photos) throw new Error('these settings want photographs: give drawBatch their stream');
    return {
      ...(await photos.draw({ kind, seed, index, imageSize, surfaces: settings.photos?.surfaces })),
      photograph: true,
    };
  }
  const sample = drawSample({ role: 'pretrain', seed, index, imageSize });
  return { ...sample, abnormal: sample.defect !== null, photograph: false };
}

/** What kind of photograph comes at a place in the stream; undefined: a drawn image. */
function kindOf({ photos, seed }: PretrainSettings, index: number): PhotoKind | undefined {
  if (!photos) return undefined;
  let left = createRandom(deriveSeed(seed, 'kind', index)).next();
  return (['flawless', 'painted', 'real'] as const).find((kind) => {
    left -= photos[kind];
    return left < 0;
  });
}

/** The images of a batch, drawn anew. @param number of the batch, from 1 @param photos where the settings want photographs */
export function drawImages(
  settings: PretrainSettings,
  number: number,
  photos?: PhotoStream,
): Promise<readonly Drawn[]> {
  const from = (number - 1) * settings.batch;
  return Promise.all(Array.from({ length: settings.batch }, (_, i) => draw(settings, from + i, photos)));
}

/** What a step sees. @param step from 1 @param photos where the settings want photographs */
export const drawBatch = async (
  settings: PretrainSettings,
  step: number,
  photos?: PhotoStream,
): Promise<PretrainBatch> =>
  prepareBatch(settings, step, await drawImages(settings, drawingOf(settings, step).batch, photos));

/** A step's inputs from the images that it shows. */
export function prepareBatch(
  settings: PretrainSettings,
  step: number,
  drawn: readonly Drawn[],
): PretrainBatch {
  const { batch, seed, imageSize: size, config } = settings;
  const tokenizer = createWordTokenizer(settings.words);
  const patches = (size / config.patch) ** 2;
  const images = new Float32Array(batch * 3 * size * size);
  const coverage = new Float32Array(batch * patches);
  for (const [i, image] of drawn.entries()) {
    const random = createRandom(deriveSeed(seed, 'augmentation', (step - 1) * batch + i));
    const covered = coverage.subarray(i * patches, (i + 1) * patches);
    placeImage(
      random,
      image,
      { size, patch: config.patch },
      { pixels: images.subarray(i * 3 * size * size), covered },
    );
  }
  const texts = [...drawn.map(({ caption }) => caption), ...drawn.map(({ counterpart }) => counterpart)];
  return {
    images,
    ...tokenizeAll(tokenizer, texts),
    signs: Float32Array.from(drawn, ({ abnormal }) => (abnormal ? 1 : -1)),
    ...patchWeights(
      coverage,
      drawn.map(({ mask }) => mask !== null),
      settings,
      patches,
    ),
  };
}

function tokenizeAll(tokenizer: Tokenizer, texts: readonly string[]) {
  const tokens = new Int32Array(texts.length * textLength);
  const ends = new Int32Array(texts.length);
  for (const [i, text] of texts.entries()) {
    const row = tokenize(tokenizer, text, textLength);
    tokens.set(row, i * textLength);
    ends[i] = row.indexOf(tokenizer.eot);
  }
  return { tokens, ends };
}

/** Part of the photographs that are shown in grey, as many industrial and medical ones are. */
const greyShare = 0.25;

/**
 * Flips, changes exposure and white balance a little (a photograph's contrast and colours too), normalises; and the share
 * of each patch that is masked.
 */
function placeImage(
  random: Random,
  { image, mask, photograph }: Drawn,
  { size, patch }: { readonly size: number; readonly patch: number },
  { pixels, covered }: { readonly pixels: Float32Array; readonly covered: Float32Array },
): void {
  const mirrorX = random.next() < 0.5;
  const mirrorY = random.next() < 0.5;
  const exposure = random.range(0.85, 1.15);
  const gains = clipStd.map((std) => (exposure * random.range(0.94, 1.06)) / 255 / std);
  const grid = size / patch;
  const look = photograph ? tone(random, image.data) : image.data;
  for (let y = 0; y < size; y++) {
    const row = mirrorY ? size - 1 - y : y;
    for (let x = 0; x < size; x++) {
      const from = row * size + (mirrorX ? size - 1 - x : x);
      for (let c = 0; c < 3; c++)
        pixels[(c * size + y) * size + x] = look[3 * from + c]! * gains[c]! - clipMean[c]! / clipStd[c]!;
      if (mask)
        covered[Math.floor(y / patch) * grid + Math.floor(x / patch)]! += mask.data[from]! / patch ** 2;
    }
  }
}

/** Another contrast around the middle grey, and for some no colours (Rec. 601). */
function tone(random: Random, data: Uint8Array): Uint8ClampedArray {
  const grey = random.next() < greyShare;
  const contrast = random.range(0.7, 1.2);
  const out = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const luminance = 0.299 * data[i]! + 0.587 * data[i + 1]! + 0.114 * data[i + 2]!;
    for (let c = 0; c < 3; c++) out[i + c] = 128 + contrast * ((grey ? luminance : data[i + c]!) - 128);
  }
  return out;
}

/** A patch counts as abnormal in full from this share on: thin scratches cover little of theirs. */
const fullCoverage = 0.25;

/**
 * Weights of the patches' two classes, each adding up to half the loss's weight. An image's defect counts with the root
 * of its size, so that small ones are heard.
 */
function patchWeights(
  coverage: Float32Array,
  known: readonly boolean[],
  { batch, regionWeight }: PretrainSettings,
  patches: number,
) {
  const yes = coverage.map((share) => Math.min(1, share / fullCoverage));
  const no = yes.map((value, p) => (known[Math.floor(p / patches)] ? 1 - value : 0));
  for (let i = 0; i < batch; i++) {
    const own = yes.subarray(i * patches, (i + 1) * patches);
    const size = own.reduce((a, b) => a + b, 0);
    if (size > 0) for (let p = 0; p < patches; p++) own[p]! /= Math.sqrt(size);
  }
  const spread = (values: Float32Array) => {
    const sum = values.reduce((a, b) => a + b, 0);
    return Float32Array.from(values, (value) => (sum > 0 ? (regionWeight * 0.5 * value) / sum : 0));
  };
  return { abnormalPatches: spread(yes), normalPatches: spread(no) };
}
