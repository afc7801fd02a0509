// What a CLIP knows of the generator's images without any training on the task: captions, states, families, defects.
import { families } from '../../data/synth/families/index.ts';
import { familiesOf, type Role } from '../../data/synth/roles.ts';
import { drawSample, type SynthSample } from '../../data/synth/stream.ts';
import { auroc } from '../../eval/ranking.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import { clipMean, clipStd } from '../../model/clip/pixels.ts';
import type { Clip } from '../../model/clip/weights.ts';
import { encodeImages, encodeTexts, type ImageReading } from './encode.ts';

export interface ClipQuality {
  readonly role: Role;
  readonly samples: number;
  /** Share of images whose caption is the nearest, or among the five nearest, of all samples' captions. */
  readonly captionAt1: number;
  readonly captionAt5: number;
  /** The same from captions to images. */
  readonly imageAt1: number;
  readonly imageAt5: number;
  /** Share of images whose family's name is the nearest of the role's families. */
  readonly family: number;
  /** Share of images nearer to their own caption than to the counterpart. */
  readonly counterpart: number;
  /** AUROC of images and of patches, by texts that name the family, and by texts that say "object". */
  readonly named: StateQuality;
  readonly generic: StateQuality;
}

export interface StateQuality {
  /** Of CLIP's class feature, and of FAPrompt's. */
  readonly image: number | null;
  readonly imageFaprompt: number | null;
  /** Of the largest patch. */
  readonly imageByPatch: number | null;
  readonly patch: number | null;
}

/** Patches count as defective from this share of masked pixels on. */
const defectiveShare = 0.25;

/**
 * @param seed of the samples; another one than pretraining's, whose images would be known
 * @param size side of the images in pixels
 */
export async function clipQuality(
  gpu: Gpu,
  clip: Clip,
  {
    role,
    samples: count,
    seed,
    size,
    onProgress,
  }: { role: Role; samples: number; seed: number; size: number; onProgress?: (encoded: number) => void },
): Promise<ClipQuality> {
  const samples = Array.from({ length: count }, (_, index) =>
    drawSample({ role, seed, index, imageSize: size }),
  );
  const images = await encodeImages({ gpu, clip }, samples.map(normalised), size, { onProgress });
  const captions = await encodeTexts(
    gpu,
    clip,
    samples.map(({ caption }) => caption),
  );
  const counterparts = await encodeTexts(
    gpu,
    clip,
    samples.map(({ counterpart }) => counterpart),
  );
  const features = images.map((image) => image.clip);
  const same = (i: number, k: number) => samples[i]!.caption === samples[k]!.caption;
  const toText = ranksOf(features, captions, same);
  const toImage = ranksOf(captions, features, same);

  const names = familiesOf(role);
  const nouns = names.map((name) => families[name].nouns[0]!);
  const plain = await encodeTexts(
    gpu,
    clip,
    nouns.map((noun) => `a photo of a ${noun} .`),
  );
  const pairsOf = async (things: readonly string[]) => {
    const normal = await encodeTexts(
      gpu,
      clip,
      things.map((thing) => `a photo of a flawless ${thing} .`),
    );
    const abnormal = await encodeTexts(
      gpu,
      clip,
      things.map((thing) => `a photo of a damaged ${thing} .`),
    );
    return things.map((_, i) => abnormal[i]!.map((value, k) => value - normal[i]![k]!));
  };
  const directions = await pairsOf(nouns);
  const [object] = await pairsOf(['object']);
  const place = (sample: SynthSample) => names.indexOf(sample.family);
  const patch = clip.config.patch;
  return {
    role,
    samples: count,
    captionAt1: share(toText, (rank) => rank < 1),
    captionAt5: share(toText, (rank) => rank < 5),
    imageAt1: share(toImage, (rank) => rank < 1),
    imageAt5: share(toImage, (rank) => rank < 5),
    family: share(samples, (sample, i) => nearest(features[i]!, plain) === place(sample)),
    counterpart: share(
      samples,
      (_, i) => dot(features[i]!, captions[i]!) > dot(features[i]!, counterparts[i]!),
    ),
    named: stateQuality(
      samples,
      images,
      samples.map((sample) => directions[place(sample)]!),
      patch,
    ),
    generic: stateQuality(
      samples,
      images,
      samples.map(() => object!),
      patch,
    ),
  };
}

/** @param directions of each image, from the text of the normal state to that of the abnormal one */
function stateQuality(
  samples: readonly SynthSample[],
  images: readonly ImageReading[],
  directions: readonly Float32Array[],
  patch: number,
): StateQuality {
  const labels = samples.map(({ defect }) => Number(defect !== null));
  const patchScores = images.map(({ patches }, i) => patches.map((p) => dot(p, directions[i]!)));
  const coverage = samples.map(({ mask }) => patchCoverage(mask.data, mask.width, patch));
  const by = (score: (image: ImageReading, i: number) => number) => auroc(labels, images.map(score));
  return {
    image: by((image, i) => dot(image.clip, directions[i]!)),
    imageFaprompt: by((image, i) => dot(image.faprompt, directions[i]!)),
    imageByPatch: by((_, i) => Math.max(...patchScores[i]!)),
    patch: auroc(
      coverage.flat().map((part) => Number(part >= defectiveShare)),
      patchScores.flat(),
    ),
  };
}

/** For each of `from`, how many of `to` are nearer than its own; ones with the same caption count as its own. */
const ranksOf = (
  from: readonly Float32Array[],
  to: readonly Float32Array[],
  same: (i: number, k: number) => boolean,
): number[] =>
  from.map((feature, i) => {
    const cosines = to.map((other) => dot(feature, other));
    const own = Math.max(...cosines.filter((_, k) => same(i, k)));
    return cosines.filter((cosine) => cosine > own).length;
  });

const share = <T>(items: readonly T[], holds: (item: T, i: number) => boolean): number =>
  items.filter(holds).length / items.length;

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

function nearest(feature: Float32Array, texts: readonly Float32Array[]): number {
  const cosines = texts.map((text) => dot(feature, text));
  return cosines.indexOf(Math.max(...cosines));
}

function patchCoverage(mask: Uint8Array, size: number, patch: number): number[] {
  const grid = size / patch;
  const covered = Array<number>(grid * grid).fill(0);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      covered[Math.floor(y / patch) * grid + Math.floor(x / patch)]! += mask[y * size + x]! / patch ** 2;
  return covered;
}

function normalised({ image: { width, height, data } }: SynthSample): Float32Array {
  const values = new Float32Array(3 * width * height);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < width * height; i++)
      values[c * width * height + i] = (data[3 * i + c]! / 255 - clipMean[c]!) / clipStd[c]!;
  return values;
}
