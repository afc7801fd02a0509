// A training run from files to files, as `train`, `demo` and `benchmark` need it: a folder keeps the checkpoints, a bar
// shows how far it is, an interrupt stops it after the step under way.
import path from 'node:path';
import { lockFolder } from '../base/lock.node.ts';
import type { Dataset, Sample } from '../data/dataset.ts';
import { encodingBytes } from '../model/clip/staging.ts';
import type { Method } from '../model/methods/method.ts';
import type { FeatureCounts, FeatureSource } from '../train/features/source.ts';
import { datasetImages, hashSamples } from '../train/images.node.ts';
import { createTrainingSource } from '../train/images.ts';
import { checkLabels } from '../train/labels.ts';
import { openRunFolder } from '../train/run-folder.node.ts';
import { learningOf, type TrainSettings } from '../train/settings.ts';
import type { Io } from './io.ts';
import { createPhases, createProgress } from './progress.ts';
import { tokenizerOf } from './scorers.ts';
import { type CacheOptions, type ClipSession, openFeatures, refuseOption } from './session.ts';
import {
  imagesDone,
  runTraining,
  type TrainingChoice,
  type TrainingOutcome,
  trainSettings,
} from './training.ts';

export interface TrainingJob extends TrainingChoice, CacheOptions {
  readonly method: Method;
  /** CLIP's vocabulary, for prompts that name classes. */
  readonly vocabulary?: string | undefined;
  readonly out: string;
  readonly resume: boolean;
  /** Steps between checkpoints inside an epoch. */
  readonly saveEvery: number;
  /** Most MiB of images that stay on the device. */
  readonly gpuCache?: number | undefined;
}

export interface TrainingReport extends Pick<TrainingOutcome, 'finished' | 'losses' | 'problems' | 'step'> {
  /** The file of prompts; only once finished. */
  readonly prompts?: string;
  readonly steps: number;
  readonly images: FeatureCounts & {
    /** Images that stayed on the device after their first step. */
    readonly resident: number;
  };
  readonly seconds: number;
  /** Bytes of GPU memory that the plans need, those of the images that stay there, and the most that was held. */
  readonly memory: { readonly planned: number; readonly images: number; readonly peak: number };
}

/**
 * Trains until the end or until SIGINT; a run that is interrupted is resumed by the same call with `resume`.
 * @throws UsageError, TrainingError, GpuError, WeightsError for a damaged checkpoint
 */
export async function trainToFolder(
  io: Io,
  session: ClipSession,
  dataset: Dataset,
  job: TrainingJob,
): Promise<TrainingReport> {
  const { method, cachePrecision: precision } = job;
  const what = { clip: session.sha256, data: hashSamples(dataset), precision };
  const settings = trainSettings(session.clip.config, job, what, refuseOption(method));
  return lockFolder(job.out, () => trainIn(io, session, { dataset, settings }, job));
}

async function trainIn(
  io: Io,
  session: ClipSession,
  { dataset, settings }: { readonly dataset: Dataset; readonly settings: TrainSettings },
  job: TrainingJob,
): Promise<TrainingReport> {
  const { gpu, clip } = session;
  const warning = checkLabels(countLabels(dataset.samples), 'data');
  if (warning !== undefined) io.note(`warning: ${warning}`);
  const { method, imageSize, dualLayers, epochs } = settings;
  const shapes = learningOf(method).shapes(clip.config);
  const folder = await openRunFolder(job.out, settings, shapes, job.resume);
  const began = performance.now();
  const needs = method.needs(clip.config, { dualLayers });
  const features = openFeatures(io, session, { imageSize, needs }, job);
  const { resume } = folder;
  if (resume && resume.progress.epoch < epochs)
    io.note(`resuming ${job.out} after step ${resume.progress.step}, in epoch ${resume.progress.epoch + 1}`);
  const images = dataset.samples.length;
  const bar = createTrainingBar(io, features, {
    images,
    epochs,
    done: resume ? imagesDone(resume, images) : 0,
    begun: resume?.progress.position ?? 0,
  });
  const abort = new AbortController();
  const stopListening = io.onInterrupt(() => {
    bar.note('interrupted: saving after this step (interrupt again to stop at once)');
    abort.abort();
  });
  try {
    const source = createTrainingSource(gpu, datasetImages(dataset, bar.features), imageSize);
    const tokenizer = tokenizerOf(session, job.vocabulary);
    const { signal } = abort;
    const { saveEvery, gpuCache } = job;
    const result = await runTraining(
      { gpu, clip, source, settings, tokenizer, signal, saveEvery, gpuCache },
      {
        resume,
        save: folder.save,
        problem: ({ problem }) => bar.note(`skipped: ${problem.message}`),
        step(event) {
          folder.step(event);
          bar.trained(event.done, `epoch ${event.epoch}/${epochs}  loss ${event.losses.total!.toFixed(4)}`);
        },
        epoch(event) {
          folder.epoch(event);
          bar.encoded(); // should an image be listed twice
          bar.note(`epoch ${event.epoch}/${epochs}: mean loss ${event.loss.toFixed(5)}`);
        },
      },
    );
    const { finished, losses, problems, step, progress, resident } = result;
    const encoder = features.graphs.length > 0 ? encodingBytes(clip, imageSize, needs, features.batch) : 0;
    return {
      finished,
      ...(finished ? { prompts: path.relative('', await folder.finish(result.prompts)) } : {}),
      steps: progress.step,
      losses,
      problems,
      images: { ...features.counts, resident: resident.images },
      seconds: (performance.now() - began) / 1000,
      step,
      memory: { planned: result.planned + encoder, images: resident.bytes, peak: gpu.memory.peak },
    };
  } finally {
    stopListening();
    bar.stop();
    features.dispose();
  }
}

function countLabels(samples: readonly Sample[]) {
  const count = (test: (sample: Sample) => boolean) => samples.filter(test).length;
  return {
    normal: count(({ anomaly }) => !anomaly),
    anomalous: count(({ anomaly, mask }) => anomaly && mask !== undefined),
    unmasked: count(({ anomaly, mask }) => anomaly && mask === undefined),
  };
}

/**
 * Images of the first epoch, whose features come out of the cache or the encoder before they are trained on; then images
 * trained on in all epochs.
 * @param done images trained on before, over all epochs; `begun`: in the epoch under way
 */
function createTrainingBar(
  io: Io,
  source: FeatureSource,
  { images, epochs, done, begun }: { images: number; epochs: number; done: number; begun: number },
) {
  const toEncode = Math.min(images, epochs * images - done) - begun;
  const seen = new Set<string>();
  let position = done;
  let text = '';
  const bar = createPhases(createProgress(io, 'encoding images', toEncode, { unit: 'image' }), () =>
    createProgress(io, 'training', epochs * images, { start: position }),
  );
  return {
    /** The features, counted as they come. */
    features: {
      ...source,
      load: (file: string) =>
        source.load(file).finally(() => {
          if (seen.size >= toEncode) return;
          bar.update(seen.add(file).size, text);
          if (seen.size === toEncode) bar.next();
        }),
    },
    trained(images: number, words: string) {
      position = images;
      text = words;
      bar.update(seen.size < toEncode ? seen.size : position, text);
    },
    encoded: () => bar.next(),
    note: (line: string) => bar.note(line),
    stop: () => bar.stop(),
  };
}
