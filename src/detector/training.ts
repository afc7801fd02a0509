// A training run as a job: it gives the device away between steps, and survives its loss.

import { readSafetensors } from '../formats/safetensors.ts';
import { bytesSource } from '../formats/source.ts';
import type { DeviceTensor } from '../graph/device-tensor.ts';
import { defaultImageSize } from '../model/clip/image-encoder.ts';
import { parseOptions } from '../model/faprompt/option-checks.ts';
import { presets } from '../model/faprompt/options.ts';
import { faprompt } from '../model/methods/faprompt/faprompt.ts';
import type { Method } from '../model/methods/method.ts';
import { namedMethods } from '../model/methods/named.ts';
import { writePrompts } from '../model/methods/prompts-file.ts';
import type { Scorer } from '../model/scorer.ts';
import { readCheckpoint, writeCheckpoint } from '../train/checkpoint.ts';
import { TrainingError } from '../train/errors.ts';
import { sha256 } from '../train/features/entry.ts';
import { checkLabels } from '../train/labels.ts';
import { learningOf, type TrainSettings } from '../train/settings.ts';
import { type Snapshot, train } from '../train/trainer.ts';
import type { Training, TrainOptions, TrainResult } from './api.ts';
import type { Environment } from './environment.ts';
import { closedError, DetectorError } from './errors.ts';
import { failureOf } from './failures.ts';
import type { Keeper } from './keeper.ts';
import { dualLayersOf, type Model } from './model.ts';
import { type PortableSample, release } from './portable.ts';
import { createSampleSource, emptyCache } from './training-source.ts';
import type { Turns } from './turns.ts';

export interface PortableTraining extends Omit<TrainOptions, 'samples'> {
  readonly samples: readonly PortableSample[];
}

interface Host {
  readonly environment: Environment;
  readonly keeper: Keeper;
  readonly turns: Turns;
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
  let paused = false;
  let wake = () => {};
  const control = {
    signal: stop.signal,
    watched: () => watched,
    async whilePaused() {
      while (paused && !stop.signal.aborted && !host.closed.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      if (host.closed.aborted) throw closedError();
    },
  };
  const onAbort = () => {
    stop.abort();
    wake();
  };
  const onClose = () => wake();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  host.closed.addEventListener('abort', onClose, { once: true });
  const run = async (): Promise<TrainResult> => {
    try {
      options.signal?.throwIfAborted();
      const result = await runTraining(host, options, control);
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
  const result = run();
  result.catch(() => {}); // whoever awaits it hears of it
  return {
    result,
    get paused() {
      return paused;
    },
    pause() {
      paused = true;
    },
    continue() {
      paused = false;
      wake();
    },
    stop() {
      stop.abort();
      wake();
    },
    watch(next) {
      watched = next;
    },
  };
}

interface Control {
  readonly signal: AbortSignal;
  watched(): TrainOptions['watch'];
  whilePaused(): Promise<void>;
}

async function runTraining(
  { environment, keeper, turns }: Host,
  given: PortableTraining,
  control: Control,
): Promise<TrainResult> {
  const { samples, onStep, onEpoch, onProblem, progress } = given;
  let done = await turns.acquire();
  const cache = emptyCache();
  try {
    const settings = await settingsOf(keeper.model, given);
    const { method, imageSize, dualLayers, epochs, batch, seed, learningRate } = settings;
    const { config } = keeper.model.clip;
    const shapes = learningOf(method).shapes(config);
    const needs = method.needs(config, { dualLayers });
    const steps = epochs * Math.ceil(samples.length / batch);
    let snapshot: Snapshot | undefined;
    if (given.checkpoint) {
      const file = await readSafetensors(bytesSource('checkpoint', given.checkpoint));
      snapshot = await readCheckpoint(file, settings, shapes);
    }
    const result = await keeper.run(async (model) => {
      const source = createSampleSource(environment, model, samples, { size: imageSize, needs }, cache);
      const viewer = createViewer(model, settings, given);
      const stopWatching = model.gpu.pipelines.watch((compiled, asked) =>
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
        return await train(
          model.gpu,
          model.clip,
          source,
          settings,
          {
            async started(parameters) {
              viewer.bind(parameters);
              const step = snapshot?.progress.step ?? 0;
              if (isWatched(step)) await draw(step);
            },
            // The map of a step is drawn before the next one changes the learnables.
            hold: (step) => isWatched(step),
            async step({ epoch, step, images, losses, ms, held, progress: { position } }) {
              onStep?.({ epoch, epochs, step, steps, images, losses, ms });
              progress?.({
                phase: 'compute',
                done: (epoch - 1) * samples.length + position,
                total: epochs * samples.length,
              });
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
            async save(at) {
              snapshot = at;
            },
          },
          { ...(snapshot ? { resume: snapshot } : {}), signal: control.signal, saveEvery },
        );
      } finally {
        stopWatching();
        viewer.dispose();
      }
    }, patience);
    const training = { seed, epochs, batch, lr: learningRate, images: samples.length };
    const prompts = {
      method,
      imageSize,
      dualLayers,
      clip: settings.clip,
      learnables: result.parameters,
      training,
    };
    return {
      prompts: Uint8Array.from(writePrompts(prompts, config)),
      finished: result.finished,
      checkpoint: Uint8Array.from(writeCheckpoint(snapshot!, settings, shapes)),
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
  { onMap }: PortableTraining,
) {
  let parameters: ReadonlyMap<string, DeviceTensor> | undefined;
  let scorer: Scorer | undefined;
  return {
    bind(made: ReadonlyMap<string, DeviceTensor>) {
      parameters = made;
    },
    async draw(step: number, sample: number, features: Parameters<Scorer['score']>[0]) {
      const needs = method.needs(clip.config, { dualLayers });
      scorer ??= await method.scorer({ gpu, clip, size: imageSize, needs, learned: parameters! });
      const { score, map } = await scorer.score(features, `sample ${sample}`);
      onMap?.({ step, sample, score, map: { width: imageSize, height: imageSize, data: map } });
    },
    dispose: () => scorer?.dispose(),
  };
}

/** The method that was asked for; FAPrompt by its preset and options where none was. */
function methodOf(
  { method: name, preset, options }: PortableTraining,
  refuse: (option: string, expected: string, found: unknown) => never,
): Method {
  if (name === undefined)
    return faprompt(
      'faprompt',
      'FAPrompt',
      parseOptions({ ...presets[preset ?? 'topm'], ...options }, refuse),
    );
  const method = namedMethods.get(name);
  if (!method?.learning) {
    const learned = [...namedMethods.values()].filter(({ learning }) => learning);
    return refuse('method', `one of ${learned.map((each) => each.name).join(', ')}`, name);
  }
  if (preset !== undefined || options !== undefined)
    refuse(preset === undefined ? 'options' : 'preset', 'nothing beside `method`', 'one');
  return method;
}

/** @throws TrainingError, or DetectorError 'bad-option' */
async function settingsOf(model: Model, given: PortableTraining): Promise<TrainSettings> {
  const { samples, watch, seed = 0 } = given;
  const { size = defaultImageSize(model.clip.config), dualLayers = dualLayersOf(model) } = given;
  const refuse = (option: string, expected: string, found: unknown): never => {
    throw new DetectorError('bad-option', `${option}: expected ${expected}, found ${String(found)}`);
  };
  const method = methodOf(given, refuse);
  const { schedule } = learningOf(method);
  const { epochs = schedule.epochs, batch = schedule.batch, learningRate = schedule.learningRate } = given;
  if (samples.length === 0)
    throw new TrainingError({ setting: 'samples', expected: 'at least one image', found: 'none' });
  const anomalous = samples.filter(({ mask }) => mask !== undefined).length;
  checkLabels({ normal: samples.length - anomalous, anomalous }, 'samples');
  for (const [name, value] of Object.entries({ epochs, batch }))
    if (!(Number.isSafeInteger(value) && value >= 1)) refuse(name, 'an integer of at least 1', value);
  if (!(Number.isSafeInteger(seed) && seed >= 0)) refuse('seed', 'an integer of at least 0', seed);
  if (!(learningRate > 0 && Number.isFinite(learningRate)))
    refuse('learningRate', 'a number above 0', learningRate);
  if (!(dualLayers >= 0 && dualLayers <= model.clip.config.visionLayers))
    refuse(
      'dualLayers',
      `at most the ${model.clip.config.visionLayers} blocks of the image encoder`,
      dualLayers,
    );
  if (watch && !(samples[watch.sample] && watch.every >= 1))
    refuse('watch', 'the index of a sample, and every n >= 1 steps', JSON.stringify(watch));
  const list = samples.map(({ name, mask }) => [name, mask !== undefined]);
  return {
    method,
    imageSize: size,
    dualLayers,
    epochs,
    batch,
    seed,
    learningRate,
    precision: 'f32',
    clip: model.sha256,
    data: await sha256(new TextEncoder().encode(JSON.stringify(list))),
  };
}
