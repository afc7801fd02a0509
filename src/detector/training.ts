// A training run as a job: it gives the device away between steps, and survives its loss.

import { readSafetensors } from '../formats/safetensors.ts';
import { bytesSource } from '../formats/source.ts';
import type { DeviceTensor } from '../graph/device-tensor.ts';
import { runTraining } from '../jobs/training.ts';
import type { Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import type { Scorer } from '../model/scorer.ts';
import type { VocabularyFile } from '../model/vocabulary.ts';
import { readCheckpoint, writeCheckpoint } from '../train/checkpoint.ts';
import { learningOf, type TrainSettings } from '../train/settings.ts';
import type { Snapshot } from '../train/trainer.ts';
import type { FileSource, Training, TrainOptions, TrainResult } from './api.ts';
import type { Environment } from './environment.ts';
import { closedError } from './errors.ts';
import { failureOf } from './failures.ts';
import type { Keeper } from './keeper.ts';
import type { Model } from './model.ts';
import { type PortableTraining, release } from './portable.ts';
import { trainingHandle } from './training-handle.ts';
import { createSampleMemory, sampleSource } from './training-samples.ts';
import { settingsOf } from './training-settings.ts';
import type { Turns } from './turns.ts';

interface Host {
  readonly environment: Environment;
  readonly keeper: Keeper;
  readonly turns: Turns;
  /** Reads a small file whole. */
  read(file: FileSource): Promise<VocabularyFile>;
  /** Aborted when the detector is closed. */
  readonly closed: AbortSignal;
}

/** Steps between snapshots on the host: what a lost device costs at most. */
const saveEvery = 10;
/** Losses of the device that a run survives. */
const patience = 5;

export function startTraining(host: Host, options: PortableTraining): Training {
  const stop = new AbortController();
  let watched = options.watch;
  let wake = () => {};
  const controlOf = (handle: { readonly paused: boolean }): Control => ({
    signal: stop.signal,
    watched: () => watched,
    async whilePaused() {
      while (handle.paused && !stop.signal.aborted && !host.closed.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      if (host.closed.aborted) throw closedError();
    },
  });
  const onAbort = () => {
    stop.abort();
    wake();
  };
  const onClose = () => wake();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  host.closed.addEventListener('abort', onClose, { once: true });
  const run = async (handle: { readonly paused: boolean }): Promise<TrainResult> => {
    try {
      options.signal?.throwIfAborted();
      const result = await trainOn(host, options, controlOf(handle));
      options.signal?.throwIfAborted();
      return result;
    } catch (error) {
      throw failureOf(error, options.signal);
    } finally {
      options.signal?.removeEventListener('abort', onAbort);
      host.closed.removeEventListener('abort', onClose);
      for (const { image, mask } of options.samples) release(image, mask);
    }
  };
  return trainingHandle(run, {
    continue: () => wake(),
    stop() {
      stop.abort();
      wake();
    },
    watch(next) {
      watched = next;
    },
  });
}

interface Control {
  readonly signal: AbortSignal;
  watched(): TrainOptions['watch'];
  whilePaused(): Promise<void>;
}

async function trainOn(
  { environment, keeper, turns, read }: Host,
  given: PortableTraining,
  control: Control,
): Promise<TrainResult> {
  const { samples, onStep, onEpoch, onCheckpoint, onProblem, progress } = given;
  let done = await turns.acquire();
  const memory = createSampleMemory();
  try {
    const settings = await settingsOf(keeper.model, given);
    const { vocabulary: file } = given;
    let bytes: Promise<VocabularyFile> | undefined;
    const vocabulary = () => {
      bytes ??= read(file!);
      return bytes;
    };
    const words = file === undefined ? {} : { vocabulary };
    const { epochs, batch } = settings;
    const shapes = learningOf(settings.method).shapes(keeper.model.clip.config);
    const steps = epochs * Math.ceil(samples.length / batch);
    let snapshot: Snapshot | undefined;
    const written = () => Uint8Array.from(writeCheckpoint(snapshot!, settings, shapes));
    if (given.checkpoint) {
      const file = await readSafetensors(bytesSource('checkpoint', given.checkpoint));
      snapshot = await readCheckpoint(file, settings, shapes);
    }
    const result = await keeper.run(async (model) => {
      const { gpu, clip } = model;
      const { source, dispose } = sampleSource(environment, { model, samples }, settings, memory);
      const tokenizer = async () => (await import('./written.ts')).anyTextTokenizer(clip, words);
      const viewer = createViewer(model, settings, given, tokenizer);
      const stopWatching = gpu.pipelines.watch((compiled, asked) =>
        progress?.({ phase: 'compile', done: compiled, total: asked }),
      );
      const isWatched = (step: number) => step % (control.watched()?.every ?? Number.NaN) === 0;
      const draw = async (step: number) => {
        const watch = control.watched();
        if (!watch) return;
        const image = await source.load(watch.sample);
        if ('features' in image) await viewer.draw(step, watch.sample, image.features);
      };
      try {
        return await runTraining(
          { gpu, clip, source, settings, tokenizer, signal: control.signal, saveEvery },
          {
            resume: snapshot,
            async save(at) {
              snapshot = at;
              onCheckpoint?.({ step: at.progress.step, checkpoint: written() });
            },
            async started(parameters) {
              viewer.bind(parameters);
              const step = snapshot?.progress.step ?? 0;
              if (isWatched(step)) await draw(step);
            },
            // The map of a step is drawn before the next one changes the learnables.
            hold: (step) => isWatched(step),
            async step({ epoch, step, images, losses, ms, held, done: trained, total }) {
              onStep?.({ epoch, epochs, step, steps, images, losses, ms });
              progress?.({ phase: 'compute', done: trained, total });
              if (held && isWatched(step)) await draw(step);
              // Others' turn: a detection that waits, or as long as the run is paused.
              done();
              await control.whilePaused();
              done = await turns.acquire();
            },
            epoch: ({ epoch, loss }) => onEpoch?.({ epoch, loss }),
            problem({ file, problem }) {
              const sample = Number(file);
              onProblem?.({ sample, name: samples[sample]!.name, message: problem.message });
            },
          },
        );
      } finally {
        stopWatching();
        viewer.dispose();
        dispose();
      }
    }, patience);
    return {
      prompts: Uint8Array.from(result.prompts),
      finished: result.finished,
      checkpoint: written(),
      epochs: result.progress.epoch,
      steps: result.progress.step,
      problems: result.problems,
    };
  } finally {
    done();
  }
}

/** Draws the map of a sample with the learnables as they are on the device. */
function createViewer(
  { gpu, clip }: Model,
  { method, imageSize, dualLayers }: TrainSettings,
  { onMap, samples }: PortableTraining,
  tokenizer: () => Promise<Tokenizer>,
) {
  let parameters: ReadonlyMap<string, DeviceTensor> | undefined;
  let scorer: Scorer | undefined;
  let scored = '';
  return {
    bind(made: ReadonlyMap<string, DeviceTensor>) {
      parameters = made;
    },
    async draw(step: number, sample: number, features: Parameters<Scorer['score']>[0]) {
      const needs = method.needs(clip.config, { dualLayers });
      const { className = '' } = method.namesClass ? samples[sample]! : {};
      if (className !== scored) {
        scorer?.dispose();
        scorer = undefined;
      }
      scored = className;
      scorer ??= await method.scorer({
        gpu,
        clip,
        size: imageSize,
        needs,
        learned: parameters!,
        tokenizer,
        ...(className === '' ? {} : { className }),
      });
      const { score, map } = await scorer.score(features, `sample ${sample}`);
      onMap?.({ step, sample, score, map: { width: imageSize, height: imageSize, data: map } });
    },
    dispose: () => scorer?.dispose(),
  };
}
