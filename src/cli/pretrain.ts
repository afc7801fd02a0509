import { existsSync } from 'node:fs';
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { checkOutputFolder, writeFileAtomic } from '../base/files.node.ts';
import { lockFolder } from '../base/lock.node.ts';
import { heldOutSources, licences } from '../data/photos/photos.ts';
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
import { integer, list, notNegative, positive } from './arguments.ts';

interface Given {
  readonly out: string;
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
  readonly holdOut: readonly string[];
  readonly photoSheet?: string;
  readonly patch?: number;
  readonly width?: number;
  readonly layers?: number;
  readonly embed?: number;
  readonly about: Readonly<Record<string, string>>;
}

export const pretrainCommand = (io: Io): Command =>
  new Command('pretrain')
    .description('train a small CLIP, both towers, from scratch on captioned images that the generator draws')
    .requiredOption('--out <dir>', 'folder for the checkpoint (last.safetensors) and log.jsonl')
    .option('--export <file>', 'write the weights in F16 when this part of the run ends')
    .option('--about <key=value...>', 'further entries for the metadata of that file', pair, {})
    .option(
      '--snapshots <n>',
      'write the weights of every n-th step as well, as step-N.safetensors in --out; a multiple of --save-every',
      integer(1),
    )
    .option('--init <clip>', 'begin with the weights of a CLIP that has its own words, not from scratch')
    .option('--seed <n>', 'the same seed gives the same bits', integer(0), 0)
    .option('--steps <n>', 'steps until the learning rate has fallen to 0, along a cosine', integer(1), 2000)
    .option('--stop-at <n>', 'end after this step instead', integer(1))
    .option(
      '--cooldown <n>',
      'steps before that end in which the learning rate falls in a line',
      integer(0),
      0,
    )
    .option('--batch <n>', 'images a step', integer(2), 128)
    .option(
      '--image-size <pixels>',
      'side of the training images (default: 64, or that of --init)',
      integer(8),
    )
    .option('--lr <x>', 'largest learning rate of AdamW', positive, 1e-3)
    .option('--warmup <n>', 'steps until the largest learning rate', integer(1), 100)
    .option('--decay <x>', 'weight decay', notNegative, 0.1)
    .option('--patch <pixels>', 'side of a patch', integer(1))
    .option('--width <n>', 'width of the image encoder', integer(1))
    .option('--layers <n>', 'blocks of the image encoder', integer(1))
    .option('--embed <n>', 'width of the joint embedding', integer(1))
    .option('--photos <dir>', 'mix in photographs: a folder with index.jsonl (docs/PHOTOS.md)')
    .option(
      '--photo-shares <a,b,c>',
      'parts of the stream that are flawless photographs, photographs with painted defects, real defects',
      photoParts,
      { flawless: 0.25, painted: 0.3, real: 0.1 },
    )
    .option('--hold-out <sources>', 'sources of photographs that are left out of the training', list, [
      ...heldOutSources,
    ])
    .option('--photo-sheet <file>', 'only write a contact sheet of what the stream shows of photographs')
    .option('--region-weight <x>', "patches against the image's own captions; 0: plain CLIP", notNegative, 4)
    .option('--visits <n>', 'how often each drawn image is shown, mirrored and exposed anew', integer(1), 1)
    .option('--resume', "go on from the folder's checkpoint")
    .option('--max-minutes <n>', 'stop after this time, to go on with --resume', positive)
    .option('--save-every <n>', 'steps between checkpoints', integer(1), 50)
    .addHelpText(
      'after',
      '\nInterrupting (Ctrl-C) saves after the step under way and exits with code 130; --resume continues with the same bits.',
    )
    .action((given: Given) => run(io, given));

/** Collects key=value. */
function pair(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const [key, ...value] = text.split('=');
  if (!key || value.length === 0) throw new InvalidArgumentError('Expected key=value.');
  return { ...before, [key]: value.join('=') };
}

type PhotoParts = Omit<PhotoShares, 'hash'>;

function photoParts(text: string): PhotoParts {
  const parts = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const [flawless, painted, real] = parts;
  const sum = parts.reduce((a, b) => a + b, 0);
  if (parts.length !== 3 || !parts.every((part) => part >= 0) || !(sum <= 1))
    throw new InvalidArgumentError('Expected three numbers of at least 0 that add up to at most 1.');
  return { flawless: flawless!, painted: painted!, real: real! };
}

/**
 * @throws UsageError for an end after the cosine's, a cool-down that begins before the warm-up ends, or snapshots of steps
 * that are not saved
 */
function settingsOf(
  given: Given,
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
    ...(photos ? { photos: { hash: photos.hash, ...given.photoShares } } : {}),
  };
}

/** @throws UsageError */
function configOf(words: number, imageSize: number, { patch, width, layers, embed }: Given) {
  try {
    return pretrainConfig(words, imageSize, { patch, width, layers, embed });
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

/** Positions are brought to other image sizes as in detection. @throws UsageError */
function ownConfig(config: ClipConfig, imageSize: number, given: Given): ClipConfig {
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

async function run(io: Io, given: Given): Promise<void> {
  const photoFolder = given.photos === undefined ? undefined : { dir: given.photos, heldOut: given.holdOut };
  const photos = photoFolder && (await openPhotos(photoFolder.dir, photoFolder.heldOut));
  if (given.photoSheet !== undefined) {
    if (!photos) throw new UsageError('--photo-sheet: expected --photos as well');
    const { imageSize = 64, seed } = given;
    const captions = await writePhotoSheet(given.photoSheet, photos, { imageSize, seed });
    return io.out([given.photoSheet, ...captions].join('\n'));
  }
  const begin =
    given.init === undefined
      ? undefined
      : await openBeginning(io, given.init, pretrainWords(photos?.words), given.seed);
  const settings = settingsOf(given, photos, begin);
  await checkOutputFolder(given.out, '--out');
  if (given.resume) checkResume(given.out);
  await lockFolder(given.out, () =>
    runLocked(io, given, settings, { photos, photoFolder, initial: begin?.parameters }),
  );
}

interface Opened {
  readonly photos: PhotoStream | undefined;
  readonly photoFolder: PhotoFolder | undefined;
  readonly initial: ReadonlyMap<string, Float32Array> | undefined;
}

async function runLocked(
  io: Io,
  given: Given,
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
