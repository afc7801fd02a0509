// Opening what most commands need: the device, a CLIP, trained prompts.
import { openDataset } from '../data/dataset.node.ts';
import { type Dataset, losesImage, type Split } from '../data/dataset.ts';
import { createObservations } from '../data/findings.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { openFile } from '../formats/source.node.ts';
import type { TensorFile } from '../formats/tensor-file.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { openClip } from '../model/checkpoint/open.node.ts';
import type { ClipConfig } from '../model/clip/config.ts';
import { type Clip, loadClip } from '../model/clip/weights.ts';
import type { Method } from '../model/methods/method.ts';
import { type Prompts, promptsNeeds, readPrompts } from '../model/methods/prompts-file.ts';
import { createFeatureSource } from '../train/features/features.node.ts';
import type { FeatureSource } from '../train/features/source.ts';
import type { FeaturePrecision } from '../train/settings.ts';
import { type ImageChoice, type ImageSettings, imageSettings, type Refuse } from './image-settings.ts';
import { type Io, UsageError } from './io.ts';
import { hashWeights, obtainWeights } from './models.ts';
import { createProgress, type Progress } from './progress.ts';

export interface ClipSession {
  readonly gpu: Gpu;
  readonly clip: Clip;
  /** sha256 of the weights file. */
  readonly sha256: string;
  /** Its tensors. */
  readonly file: TensorFile;
  /** The weights' files. */
  readonly files: readonly string[];
}

/** Runs `work` with a CLIP on the device, and closes both after it. */
export async function withClip<T>(
  io: Io,
  file: string,
  work: (session: ClipSession) => Promise<T>,
): Promise<T> {
  const { file: weights, files, close } = await openClip(await obtainWeights(io, file));
  try {
    const sha256 = await hashWeights(files);
    const gpu = await io.openGpu();
    try {
      const clip = await loadWithProgress(io, gpu, weights);
      if (clip.metadata.has('notice')) io.note(`note: ${file}: ${clip.metadata.get('notice')}`);
      try {
        return await work({ gpu, clip, sha256, file: weights, files });
      } finally {
        clip.dispose();
      }
    } finally {
      gpu.close();
    }
  } finally {
    await close();
  }
}

const manyBytes = 2 ** 27;

/** Says how far the reading of a large CLIP is. */
async function loadWithProgress(io: Io, gpu: Gpu, weights: TensorFile): Promise<Clip> {
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  let bar: Progress | undefined;
  try {
    return await loadClip(gpu, weights, {
      onProgress(done, total) {
        if (total < manyBytes) return;
        bar ??= createProgress(io, 'reading the CLIP, MiB', mebibytes(total));
        bar.update(mebibytes(done));
      },
    });
  } finally {
    bar?.stop();
  }
}

/** Image size and V-V depth for a command: as given, or the defaults. @throws UsageError */
export const imageOptions = (
  config: ClipConfig,
  method: Pick<Method, 'name' | 'needs' | 'checkSize'>,
  given: ImageChoice,
): ReturnType<typeof imageSettings> => imageSettings(config, method, given, refuseOption(method));

/** What does not fit a CLIP, by the names of the command line. */
export const refuseOption =
  ({ name }: Pick<Method, 'name'>): Refuse =>
  (option, problem) => {
    const options = { imageSize: '--image-size', dualLayers: '--dual-layers', method: name };
    throw new UsageError(`${options[option]}: ${problem.replace(/^image size: /, '')}`);
  };

/** The same of trained prompts. */
export const promptsSettings = ({ clip }: ClipSession, prompts: Prompts): ImageSettings => ({
  imageSize: prompts.imageSize,
  needs: promptsNeeds(prompts, clip.config),
  ...(prompts.tiles ? { tiles: prompts.tiles } : {}),
});

/** Trained prompts that fit the session's CLIP. */
export async function loadPrompts(
  { clip, sha256 }: ClipSession,
  file: string,
  anyClip = false,
): Promise<Prompts> {
  const source = await openFile(file);
  try {
    return await readPrompts(
      await readSafetensors(source),
      clip.config,
      anyClip ? undefined : { name: clip.name, sha256 },
    );
  } finally {
    await source.close();
  }
}

/** Opens a data set and says what is wrong with it. @returns the files whose samples were left out, too */
export async function openSamples(
  io: Io,
  dir: string,
  split: Split,
): Promise<{ dataset: Dataset; skipped: string[] }> {
  const dataset = await openDataset(dir, { split });
  const skipped = dataset.problems.filter(losesImage);
  for (const note of dataset.notes) io.note(`note: ${note}`);
  for (const problem of dataset.problems) {
    const { kind, file, expected, found } = problem;
    const what = losesImage(problem)
      ? 'skipped'
      : `${kind.startsWith('unused') ? 'note' : 'warning'}: ${kind}`;
    io.note(`${what}: ${file}: expected ${expected}, found ${found}`);
  }
  return { dataset, skipped: skipped.map(({ file }) => file) };
}

export interface CacheOptions {
  /** --cache DIR; false: --no-cache. */
  readonly cache: string | false;
  readonly cachePrecision: FeaturePrecision;
  /** --image-batch; absent: what the adapter has room for. */
  readonly imageBatch?: number | undefined;
}

/** Features of images as `settings` want them, through the cache. */
export function openFeatures(
  io: Io,
  { gpu, clip, sha256 }: ClipSession,
  { imageSize, needs, tiles }: ImageSettings,
  { cache, cachePrecision, imageBatch }: CacheOptions,
): FeatureSource {
  const observed = createObservations();
  const source = createFeatureSource(gpu, clip, {
    clip: sha256,
    imageSize,
    needs,
    precision: cachePrecision,
    imageBatch,
    tiles,
    cache: cache === false ? undefined : cache,
    onWarning: (message) => io.note(`warning: ${message}`),
    observed,
  });
  const { dispose } = source;
  return Object.assign(source, {
    /** Says what was odd about the images and masks that were read. */
    dispose() {
      dispose();
      for (const note of observed.notes()) io.note(`note: ${note}`);
    },
  });
}
