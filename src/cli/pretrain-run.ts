// What `faprompt pretrain` does: settings, the run, the weights that it writes.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkOutputFile, checkOutputFolder, writeFileAtomic } from '../base/files.node.ts';
import { lockFolder } from '../base/lock.node.ts';
import { licences } from '../data/photos/photos.ts';
import { openPhotos, type PhotoStream } from '../data/photos/stream.node.ts';
import { formatBytes } from '../gpu/errors.ts';
import { ExitError, formatFlops, type Io, UsageError } from '../jobs/io.ts';
import { hashWeights, obtainWeights } from '../jobs/models.ts';
import { writePhotoSheet } from '../jobs/photo-sheet.node.ts';
import { createProgress } from '../jobs/progress.ts';
import { openClip } from '../model/checkpoint/open.node.ts';
import type { ClipConfig } from '../model/clip/config.ts';
import { checkResume } from '../train/checkpoint-folder.node.ts';
import {
  type BatchSource,
  inlineBatches,
  type PhotoFolder,
  threadedBatches,
} from '../train/pretrain/batches.node.ts';
import { type Beginning, readBeginning } from '../train/pretrain/begin.ts';
import { exportClip } from '../train/pretrain/export.ts';
import { openPretrainFolder } from '../train/pretrain/run-folder.node.ts';
import {
  clipAdam,
  type PhotoShares,
  type PretrainSettings,
  pretrainConfig,
  pretrainWords,
} from '../train/pretrain/settings.ts';
import { type PretrainSnapshot, pretrain } from '../train/pretrain/trainer.ts';

export type PhotoParts = Omit<PhotoShares, 'hash'>;

export interface PretrainGiven {
  readonly out?: string;
  readonly seed: number;
  readonly steps: number;
  readonly stopAt?: number;
  readonly cooldown: number;
  readonly batch: number;
  readonly imageSize?: number;
  readonly lr: number;
  readonly warmup: number;
  readonly decay: number;
  readonly regionWeight: number;
  readonly visits: number;
  readonly resume?: boolean;
  readonly maxMinutes?: number;
  readonly saveEvery: number;
  readonly export?: string;
  readonly snapshots?: number;
  readonly init?: string;
  readonly photos?: string;
  readonly photoShares: PhotoParts;
  readonly photoSurfaces?: number;
  readonly holdOut: readonly string[];
  readonly photoSheet?: string;
  readonly patch?: number;
  readonly width?: number;
  readonly layers?: number;
  readonly embed?: number;
  readonly about: Readonly<Record<string, string>>;
}

/**
 * @throws UsageError for an end after the cosine's, a cool-down that begins before the warm-up ends, or snapshots of steps
 * that are not saved
 */
function settingsOf(
  given: PretrainGiven,
  photos: PhotoStream | undefined,
  begin: (Beginning & { readonly sha256: string }) | undefined,
): PretrainSettings {
  const words = begin?.words ?? pretrainWords(photos?.words);
  const { seed, steps, stopAt = steps, cooldown, batch, lr, warmup, decay, regionWeight } = given;
  const { snapshots, saveEvery } = given;
  const imageSize = given.imageSize ?? begin?.config.imageResolution ?? 64;
  if (stopAt > steps) throw new UsageError(`--stop-at: expected at most --steps ${steps}, found ${stopAt}`);
  if (cooldown > 0 && stopAt - cooldown < warmup)
    throw new UsageError(
      `--cooldown: expected at most ${stopAt - warmup} (after --warmup), found ${cooldown}`,
    );
  if (snapshots !== undefined && snapshots % saveEvery !== 0)
    throw new UsageError(`--snapshots: expected a multiple of --save-every ${saveEvery}, found ${snapshots}`);
  return {
    config: begin ? ownConfig(begin.config, imageSize, given) : configOf(words.length, imageSize, given),
    words,
    seed,
    steps,
    stopAt,
    cooldown,
    batch,
    imageSize,
    learningRate: lr,
    warmup,
    decay,
    ...clipAdam,
    regionWeight,
    ...(given.visits > 1 ? { visits: given.visits } : {}),
    ...(begin ? { init: begin.sha256 } : {}),
    ...(photos ? { photos: photoShares(photos, given) } : {}),
  };
}

/** @throws UsageError for a share of surfaces among photographs that have none, or nothing else */
function photoShares(
  photos: PhotoStream,
  { photoShares, photoSurfaces: surfaces }: PretrainGiven,
): PhotoShares {
  const normal = photos.photos.filter(({ state }) => state === 'normal');
  const groups = new Set(normal.map(({ group }) => group === 'surface'));
  if (surfaces !== undefined && groups.size < 2)
    throw new UsageError('--photo-surfaces: expected flawless photographs of surfaces and of something else');
  return { hash: photos.hash, ...photoShares, ...(surfaces === undefined ? {} : { surfaces }) };
}

/** What the configuration calls the options. */
const optionOf: Readonly<Record<string, string>> = { 'image size': '--image-size', visionWidth: '--width' };

/** @throws UsageError */
function configOf(words: number, imageSize: number, { patch, width, layers, embed }: PretrainGiven) {
  try {
    return pretrainConfig(words, imageSize, { patch, width, layers, embed });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(error.message.replace(/^[^:]*/, (field) => optionOf[field] ?? field));
  }
}

/** Positions are brought to other image sizes as in detection. @throws UsageError */
function ownConfig(config: ClipConfig, imageSize: number, given: PretrainGiven): ClipConfig {
  for (const name of ['patch', 'width', 'layers', 'embed'] as const)
    if (given[name] !== undefined)
      throw new UsageError(`--${name}: not with --init, which has its own sizes, found ${given[name]}`);
  if (imageSize % config.patch === 0) return config;
  throw new UsageError(
    `--image-size: expected a multiple of the patch size ${config.patch}, found ${imageSize}`,
  );
}

/** The CLIP that a run begins with. @throws WeightsError, UsageError */
async function openBeginning(io: Io, name: string, words: readonly string[], seed: number) {
  const { file, files, close } = await openClip(await obtainWeights(io, name));
  try {
    return { ...(await readBeginning(file, words, seed)), sha256: await hashWeights(files) };
  } finally {
    await close();
  }
}

/** Who made the photographs, for the weights' metadata: some licences want it said. */
const photoMetadata = (photos: PhotoStream | undefined): Record<string, string> =>
  photos ? { photographs: JSON.stringify(licences(photos.photos)) } : {};

/** Batches from a thread where the built worker lies beside this file (not under vitest). */
function openBatches(settings: PretrainSettings, photos: PhotoFolder | undefined): BatchSource {
  const script = new URL('./batch-worker.js', import.meta.url);
  return existsSync(script) ? threadedBatches(settings, script, { photos }) : inlineBatches(settings, photos);
}

export async function runPretrain(io: Io, given: PretrainGiven): Promise<void> {
  if (given.export !== undefined) await checkOutputFile(given.export, '--export');
  const photoFolder = given.photos === undefined ? undefined : { dir: given.photos, heldOut: given.holdOut };
  const photos = photoFolder && (await openPhotos(photoFolder.dir, photoFolder.heldOut));
  if (given.photoSheet !== undefined) {
    if (!photos) throw new UsageError('--photo-sheet: expected --photos as well');
    await checkOutputFile(given.photoSheet, '--photo-sheet');
    const { imageSize = 64, seed } = given;
    const { surfaces } = photoShares(photos, given);
    const captions = await writePhotoSheet(given.photoSheet, photos, { imageSize, seed, surfaces });
    return io.out([given.photoSheet, ...captions].join('\n'));
  }
  const { out } = given;
  if (out === undefined) throw new UsageError("required option '--out <dir>' not specified");
  const begin =
    given.init === undefined
      ? undefined
      : await openBeginning(io, given.init, pretrainWords(photos?.words), given.seed);
  const settings = settingsOf(given, photos, begin);
  await checkOutputFolder(out, '--out');
  if (given.resume) checkResume(out);
  await lockFolder(out, () =>
    runLocked(io, { ...given, out }, settings, { photos, photoFolder, initial: begin?.parameters }),
  );
}

interface Opened {
  readonly photos: PhotoStream | undefined;
  readonly photoFolder: PhotoFolder | undefined;
  readonly initial: ReadonlyMap<string, Float32Array> | undefined;
}

async function runLocked(
  io: Io,
  given: PretrainGiven & { readonly out: string },
  settings: PretrainSettings,
  { photos, photoFolder, initial }: Opened,
): Promise<void> {
  const folder = await openPretrainFolder(given.out, settings, given.resume ?? false);
  const start = folder.resume?.step ?? 0;
  const gpu = await io.openGpu();
  const batches = openBatches(settings, photoFolder);
  const bar = createProgress(io, 'step', settings.stopAt, { start, unit: 'step' });
  const abort = new AbortController();
  const stopListening = io.onInterrupt(() => {
    bar.note('interrupted: saving after this step');
    abort.abort();
  });
  const timer =
    given.maxMinutes === undefined
      ? undefined
      : setTimeout(() => abort.abort(), given.maxMinutes * 60_000).unref();
  const weights = (snapshot: PretrainSnapshot) =>
    exportClip(snapshot, settings, { ...photoMetadata(photos), ...given.about });
  let flops = 0;
  try {
    const last = await pretrain(gpu, settings, (step) => batches.next(step), {
      resume: folder.resume,
      initial,
      signal: abort.signal,
      saveEvery: given.saveEvery,
      compiled(work) {
        flops = work;
        bar.note(`one step: ${formatFlops(work)}`);
      },
      step(event) {
        folder.step(event);
        const { contrastive, region } = event.losses as Record<string, number>;
        const losses = [contrastive, region].map((loss) => loss!.toFixed(3)).join(' ');
        bar.update(event.step, `losses ${losses}  ${(flops / event.ms / 1e6).toFixed(1)} GFLOP/s`);
      },
      async save(snapshot) {
        await folder.save(snapshot);
        const { step } = snapshot;
        if (given.snapshots !== undefined && step % given.snapshots === 0)
          await writeFileAtomic(path.join(given.out, `step-${step}.safetensors`), weights(snapshot));
      },
    });
    if (given.export !== undefined) {
      const bytes = weights(last);
      await writeFileAtomic(given.export, bytes);
      io.out(`${given.export}: ${formatBytes(bytes.length)}`);
    }
    io.out(`${given.out}: ${last.step} of ${settings.stopAt} steps`);
    if (last.step < settings.stopAt) throw new ExitError(130);
  } finally {
    clearTimeout(timer);
    stopListening();
    bar.stop();
    await batches.close();
    gpu.close();
  }
}
