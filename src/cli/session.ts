// Opening what most commands need: the device, a CLIP, trained prompts.
import { type Command, Option } from 'commander';
import { openDataset } from '../data/dataset.node.ts';
import { type Dataset, losesImage, type Split } from '../data/dataset.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { openFile } from '../formats/source.node.ts';
import type { TensorFile } from '../formats/tensor-file.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { openClip } from '../model/checkpoint/open.node.ts';
import type { ClipConfig } from '../model/clip/config.ts';
import { checkImageSize, defaultImageSize } from '../model/clip/image-encoder.ts';
import { defaultDualLayers } from '../model/clip/vision.ts';
import { type Clip, loadClip } from '../model/clip/weights.ts';
import { type Prompts, readPrompts } from '../model/faprompt/prompts-file.ts';
import { createFeatureSource, defaultCache, type FeatureSource } from '../train/features/features.node.ts';
import type { FeaturePrecision } from '../train/settings.ts';
import { type Io, UsageError } from './io.ts';
import { hashWeights, resolveWeights } from './models.ts';
import { createProgress, type Progress } from './progress.ts';

export interface ClipSession {
  readonly gpu: Gpu;
  readonly clip: Clip;
  /** sha256 of the weights file. */
  readonly sha256: string;
  /** The weights' files. */
  readonly files: readonly string[];
}

/** Runs `work` with a CLIP on the device, and closes both after it. */
export async function withClip<T>(
  io: Io,
  file: string,
  work: (session: ClipSession) => Promise<T>,
): Promise<T> {
  const { file: weights, files, close } = await openClip(await resolveWeights(file));
  try {
    const sha256 = await hashWeights(files);
    const gpu = await io.openGpu();
    try {
      const clip = await loadWithProgress(io, gpu, weights);
      if (clip.metadata.has('notice')) io.note(`note: ${file}: ${clip.metadata.get('notice')}`);
      try {
        return await work({ gpu, clip, sha256, files });
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

/** Image size and V-V depth: as given, or the defaults. @throws UsageError */
export function imageSettings(config: ClipConfig, given: { imageSize?: number; dualLayers?: number }) {
  const { imageSize = defaultImageSize(config), dualLayers = defaultDualLayers(config) } = given;
  try {
    checkImageSize(config, imageSize);
  } catch (error) {
    throw new UsageError(`--image-size: ${(error as Error).message}`);
  }
  if (dualLayers > config.visionLayers)
    throw new UsageError(
      `--dual-layers: expected at most the ${config.visionLayers} blocks of the image encoder, found ${dualLayers}`,
    );
  return { imageSize, dualLayers };
}

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
}

export function addCacheOptions(command: Command): void {
  command
    .addOption(
      new Option('--cache <dir>', 'folder of the image feature cache').default(
        defaultCache(),
        'faprompt/features in the cache folder, ~/.cache',
      ),
    )
    .option('--no-cache', 'encode every image anew, in every epoch')
    .option('--cache-precision <type>', 'f32, or f16 for half the space', precision, 'f32');
}

function precision(text: string): FeaturePrecision {
  if (text === 'f32' || text === 'f16') return text;
  throw new UsageError(`--cache-precision: expected f32 or f16, found ${text}`);
}

/** Features of images as `settings` want them, through the cache. */
export function openFeatures(
  io: Io,
  { gpu, clip, sha256 }: ClipSession,
  { imageSize, dualLayers }: { imageSize: number; dualLayers: number },
  { cache, cachePrecision }: CacheOptions,
): FeatureSource {
  return createFeatureSource(gpu, clip, {
    clip: sha256,
    imageSize,
    dualLayers,
    precision: cachePrecision,
    cache: cache === false ? undefined : cache,
    onWarning: (message) => io.note(`warning: ${message}`),
  });
}
