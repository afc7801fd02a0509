// One training run from files to files, as `train` and `demo` need it.
import path from 'node:path';
import { lockFolder } from '../base/lock.node.ts';
import type { Dataset, Sample } from '../data/dataset.ts';
import type { Executable } from '../graph/executor.ts';
import type { ImageNeeds } from '../model/clip/needs.ts';
import type { Method } from '../model/methods/method.ts';
import { writePrompts } from '../model/methods/prompts-file.ts';
import { createTrainingSource, hashSamples } from '../train/images.node.ts';
import { checkLabels } from '../train/labels.ts';
import { planBytes, stateBytes, weightBytes } from '../train/memory.ts';
import { openRunFolder } from '../train/run-folder.node.ts';
import { learningOf, type TrainSettings } from '../train/settings.ts';
import { train } from '../train/trainer.ts';
import type { Io } from './io.ts';
import { createPhases, createProgress } from './progress.ts';
import { tokenizerOf } from './scorers.ts';
import { type CacheOptions, type ClipSession, openFeatures } from './session.ts';

export interface TrainingJob
  extends CacheOptions,
    Pick<TrainSettings, 'imageSize' | 'dualLayers' | 'epochs' | 'batch' | 'seed'> {
  readonly lr: number;
  readonly method: Method;
  readonly needs: ImageNeeds;
  /** CLIP's vocabulary, for prompts that name classes. */
  readonly vocabulary?: string | undefined;
  readonly out: string;
  readonly resume: boolean;
  /** Steps between checkpoints inside an epoch. */
  readonly saveEvery: number;
}

export interface TrainingReport {
  readonly finished: boolean;
  /** The file of prompts; only once finished. */
  readonly prompts?: string;
  readonly steps: number;
  /** Mean loss of each epoch of this part of the run. */
  readonly losses: readonly number[];
  /** Images that could not be used. */
  readonly problems: number;
  readonly images: FeatureCounts;
  readonly seconds: number;
  /** A step of whole batches with features at hand: its median time and its work. */
  readonly step: { readonly ms: number; readonly flops: number } | null;
  /** Bytes of GPU memory that the plans need, and the most that was held. */
  readonly memory: { readonly planned: number; readonly peak: number };
}

interface FeatureCounts {
  readonly cached: number;
  readonly encoded: number;
  readonly damaged: number;
}

/** Trains until the end or until SIGINT; a run that is interrupted is resumed by the same call with `resume`. */
export const runTraining = (
  io: Io,
  session: ClipSession,
  dataset: Dataset,
  job: TrainingJob,
): Promise<TrainingReport> => lockFolder(job.out, () => trainIn(io, session, dataset, job));

async function trainIn(
  io: Io,
  session: ClipSession,
  dataset: Dataset,
  job: TrainingJob,
): Promise<TrainingReport> {
  const { gpu, clip, sha256 } = session;
  const count = (test: (sample: Sample) => boolean) => dataset.samples.filter(test).length;
  const warning = checkLabels(
    {
      normal: count(({ anomaly }) => !anomaly),
      anomalous: count(({ anomaly, mask }) => anomaly && mask !== undefined),
      unmasked: count(({ anomaly, mask }) => anomaly && mask === undefined),
    },
    'data',
  );
  if (warning !== undefined) io.note(`warning: ${warning}`);
  const { method, imageSize, dualLayers, epochs, batch, seed, lr, cachePrecision } = job;
  const settings: TrainSettings = {
    method,
    imageSize,
    dualLayers,
    epochs,
    batch,
    seed,
    learningRate: lr,
    precision: cachePrecision,
    clip: sha256,
    data: hashSamples(dataset),
  };
  const shapes = learningOf(method).shapes(clip.config);
  const folder = await openRunFolder(job.out, settings, shapes, job.resume);
  const began = performance.now();
  const features = openFeatures(io, session, job, job);
  const images = dataset.samples.length;
  const resumed = folder.resume?.progress;
  const done = (resumed?.epoch ?? 0) * images + (resumed?.position ?? 0);
  if (resumed && resumed.epoch < epochs)
    io.note(`resuming ${job.out} after step ${resumed.step}, in epoch ${resumed.epoch + 1}`);
  let position = done;
  let epochText = '';
  /** The images of the epoch under way, whose features come out of the cache or the encoder before they are trained on. */
  const toEncode = Math.min(images, epochs * images - done) - (resumed?.position ?? 0);
  const seen = new Set<string>();
  const bar = createPhases(createProgress(io, 'encoding images', toEncode, { unit: 'image' }), () =>
    createProgress(io, 'training', epochs * images, { start: position }),
  );
  const load = (file: string) =>
    features.load(file).finally(() => {
      if (seen.size >= toEncode) return;
      bar.update(seen.add(file).size, epochText);
      if (seen.size === toEncode) bar.next();
    });
  const source = createTrainingSource(gpu, dataset, { ...features, load }, imageSize);

  const compiled = new Map<number, Executable>();
  const times: number[] = [];
  const losses: number[] = [];
  const abort = new AbortController();
  const stopListening = io.onInterrupt(() => {
    bar.note('interrupted: saving after this step (interrupt again to stop at once)');
    abort.abort();
  });
  try {
    const result = await train(
      gpu,
      clip,
      source,
      settings,
      {
        compiled: (size, executable) => compiled.set(size, executable),
        problem: ({ problem }) => bar.note(`skipped: ${problem.message}`),
        step(event) {
          folder.step(event);
          if (event.images === batch) times.push(event.ms);
          const { epoch, progress } = event;
          position = (epoch - 1) * images + progress.position;
          epochText = `epoch ${epoch}/${epochs}  loss ${event.losses.total!.toFixed(4)}`;
          bar.update(seen.size < toEncode ? seen.size : position, epochText);
        },
        epoch(event) {
          folder.epoch(event);
          bar.next(); // should an image be listed twice
          losses.push(event.loss);
          bar.note(`epoch ${event.epoch}/${epochs}: mean loss ${event.loss.toFixed(5)}`);
        },
        save: (snapshot, epoch) => folder.save(snapshot, epoch),
      },
      {
        ...(folder.resume ? { resume: folder.resume } : {}),
        signal: abort.signal,
        saveEvery: job.saveEvery,
        tokenizer: tokenizerOf(session, job.vocabulary),
      },
    );
    const plans = [...compiled.values(), ...(features.encoder ? [features.encoder] : [])].map(
      ({ plan }) => plan,
    );
    const planned = plans.reduce(
      (sum, plan) => sum + planBytes(plan),
      weightBytes(clip.tensors.values()) + stateBytes(shapes, learningOf(method).optimizer.moments.length),
    );
    const full = compiled.get(batch);
    const training = { seed, epochs, batch, lr, images };
    const prompts = { method, imageSize, dualLayers, clip: sha256, learnables: result.parameters, training };
    return {
      finished: result.finished,
      ...(result.finished
        ? { prompts: path.relative('', await folder.finish(writePrompts(prompts, clip.config))) }
        : {}),
      steps: result.progress.step,
      losses,
      problems: result.problems,
      images: { ...features.counts },
      seconds: (performance.now() - began) / 1000,
      step: full && times.length > 0 ? { ms: median(times), flops: full.plan.flops } : null,
      memory: { planned, peak: gpu.memory.peak },
    };
  } finally {
    stopListening();
    bar.stop();
    features.dispose();
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
