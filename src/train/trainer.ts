// The training loop. Pure: images come from a source, checkpoints and events go to callbacks.

import { prefetch } from '../base/prefetch.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { DeviceTensor } from '../graph/device-tensor.ts';
import type { Executable } from '../graph/executor.ts';
import type { Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import type { Clip } from '../model/clip/weights.ts';
import { joinValues, splitShapes, splitValues, wholes } from '../model/methods/parts.ts';
import { createCompiledSteps } from './compiled-steps.ts';
import { batches, phaseOf } from './epoch.ts';
import { TrainingError } from './errors.ts';
import { readLosses } from './losses.ts';
import { createResidentImages, stepFeeds } from './resident.ts';
import { epochOrder, learningOf, type TrainSettings } from './settings.ts';
import type { ImageProblem, TrainingSource } from './source.ts';
import {
  buildStep,
  compileStep,
  createTrainingState,
  type HostState,
  readTrainingState,
  stepInputs,
} from './step.ts';

/** What images are of that have no class. */
const unnamed = 'object';

/** Where a run stands. */
export interface Progress {
  /** Whole epochs done. */
  readonly epoch: number;
  /** Images of the epoch under way that are done, in its order; unusable ones count. */
  readonly position: number;
  /** Steps done since the beginning. */
  readonly step: number;
  /** Sum of the loss over the steps of the epoch under way, and their number. */
  readonly lossSum: number;
  readonly lossSteps: number;
  /** Steps done when the phase under way began; absent: it is the first. */
  readonly phaseStart?: number;
}

/** All that it takes to go on. */
export interface Snapshot {
  readonly progress: Progress;
  readonly state: { readonly parameters: ReadonlyMap<string, Float32Array> } & Partial<HostState>;
}

export interface StepEvent {
  /** From 1. */
  readonly epoch: number;
  readonly step: number;
  readonly images: number;
  /** Every term and their weighted `total`. */
  readonly losses: Readonly<Record<string, number>>;
  /** Milliseconds of the step, without waiting for images. */
  readonly ms: number;
  readonly progress: Progress;
  /** No further step was begun: the learnables on the device are those of this step. */
  readonly held: boolean;
}

export interface EpochEvent {
  readonly epoch: number;
  readonly step: number;
  /** Mean of the steps' total loss. */
  readonly loss: number;
}

export interface TrainCallbacks {
  /** The learnables on the device, before the first step; they change with every step and end with the run. */
  started?(parameters: ReadonlyMap<string, DeviceTensor>): void | Promise<void>;
  /** Whether the step after this one waits for `step`, which looks at the learnables. */
  hold?(step: number): boolean;
  /** One more step may be under way, unless `held`; the one after that waits for it. */
  step?(event: StepEvent): void | Promise<void>;
  epoch?(event: EpochEvent): void;
  /** Once per unusable image. */
  problem?(problem: ImageProblem): void;
  /** A step for batches of this size was compiled. */
  compiled?(batch: number, executable: Executable): void;
  /** Stores a checkpoint; `epoch` is set at an epoch's end. */
  save?(snapshot: Snapshot, epoch?: number): Promise<void>;
}

export interface TrainRun {
  readonly resume?: Snapshot;
  /** Stops after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Steps between checkpoints inside an epoch. */
  readonly saveEvery?: number;
  /** For any text, where the method's prompts name classes. */
  readonly tokenizer?: (() => Promise<Tokenizer>) | undefined;
  /** Most bytes that images may take on the device, so as to be uploaded once; default: residentBudget. */
  readonly residentBytes?: number | undefined;
}

export interface TrainResult {
  /** false: stopped by the signal. */
  readonly finished: boolean;
  readonly progress: Progress;
  readonly parameters: ReadonlyMap<string, Float32Array>;
  /** Images that could not be used. */
  readonly problems: number;
  /** Images that stayed on the device, and the bytes that they took. */
  readonly resident: { readonly images: number; readonly bytes: number };
}

/**
 * Trains, from the beginning or from a snapshot: the same settings and images give the same bits, interrupted or not.
 * @throws TrainingError for a loss that is not finite (nothing is saved then) or a source without usable images, GpuError
 */
export async function train(
  { gpu, clip }: { readonly gpu: Gpu; readonly clip: Clip },
  { source, settings }: { readonly source: TrainingSource; readonly settings: TrainSettings },
  callbacks: TrainCallbacks = {},
  { resume, signal, saveEvery = Number.POSITIVE_INFINITY, tokenizer, residentBytes }: TrainRun = {},
): Promise<TrainResult> {
  const { method, imageSize, dualLayers, batch, epochs, seed, learningRate } = settings;
  const learning = learningOf(method);
  const { optimizer, largestBatch = batch } = learning;
  if (batch > largestBatch)
    throw new TrainingError({
      setting: 'batch',
      expected: `at most ${largestBatch}, as ${method.name} has it`,
      found: `${batch}`,
    });
  const needs = method.needs(clip.config, { dualLayers });
  const start = resume ?? {
    progress: { epoch: 0, position: 0, step: 0, lossSum: 0, lossSteps: 0 },
    state: { parameters: await learning.initial(clip, seed, tokenizer) },
  };
  const learner = await learning.prepare({
    gpu,
    clip,
    size: imageSize,
    classes: source.classes ?? [unnamed],
    tokenizer,
  });
  const shapes = learning.shapes(clip.config);
  const parts = learning.parts?.(clip.config) ?? wholes;
  const state = createTrainingState(
    gpu,
    splitShapes(shapes, parts),
    mapState(start.state, (values) => splitValues(values, parts)),
    optimizer.moments,
  );
  const readState = async (): Promise<HostState> =>
    mapState(await readTrainingState(gpu, state), (values) => joinValues(values, parts));
  const phases = learning.phases?.(epochs) ?? [epochs];
  const steps = createCompiledSteps(async (images, phase) => {
    const graph = buildStep(
      clip,
      { learner, needs },
      { batch: images, size: imageSize },
      { optimizer, phase },
    );
    const executable = await compileStep(gpu, clip, graph, state);
    callbacks.compiled?.(images, executable);
    return executable;
  });
  const resident = createResidentImages(gpu, source, residentBytes);
  const unusable = new Set<string>();
  const report = (problem: ImageProblem) => {
    if (!unusable.has(problem.file)) callbacks.problem?.(problem);
    unusable.add(problem.file);
  };

  let progress = start.progress;
  const save = async (epoch?: number) => callbacks.save?.({ progress, state: await readState() }, epoch);
  const result = async (finished: boolean): Promise<TrainResult> => {
    const { parameters } = await readState();
    return { finished, progress, parameters, problems: unusable.size, resident: { ...resident.kept } };
  };
  let lastEnd = 0;
  /** Waits for a step's losses, after those of the step before. */
  const finish = async (
    run: ReturnType<Executable['run']>,
    {
      step,
      images,
      consumed,
      held,
      previous,
    }: { step: number; images: number; consumed: number; held: boolean; previous: Promise<void> | undefined },
  ): Promise<void> => {
    const began = performance.now();
    const [found] = await Promise.all([run, previous]);
    const now = performance.now();
    const ms = now - Math.max(began, lastEnd);
    lastEnd = now;
    const losses = readLosses(found, step);
    progress = {
      ...progress,
      step,
      position: progress.position + consumed,
      lossSum: progress.lossSum + losses.total!,
      lossSteps: progress.lossSteps + 1,
    };
    await callbacks.step?.({ epoch: progress.epoch + 1, step, images, losses, ms, progress, held });
  };
  // One step computes while the next is put together and queued; only then are its losses waited for.
  let running: Promise<void> | undefined;
  try {
    await callbacks.started?.(state.parameters);
    while (progress.epoch < epochs) {
      const phase = phaseOf(phases, progress.epoch);
      const order = epochOrder(seed, progress.epoch, source.count).slice(progress.position);
      const loaded = prefetch(order, (index) => resident.load(index), Math.max(batch, source.ahead ?? 0));
      let step = progress.step;
      for await (const { images, consumed } of batches(loaded, batch, report)) {
        if (signal?.aborted) break;
        if (images.length === 0) {
          await running;
          progress = { ...progress, position: progress.position + consumed };
          continue;
        }
        step += 1;
        const executable = await steps.of(images.length, phase);
        const ofPhase = step - (progress.phaseStart ?? 0);
        const schedule = optimizer.schedule({ learningRate, step: ofPhase, epoch: progress.epoch, epochs });
        const own = learner.feeds?.(images.map(({ className = unnamed }) => className)) ?? {};
        const read = stepInputs(executable);
        const given = Object.entries({ ...stepFeeds(images, imageSize), ...own, schedule });
        const run = executable.run(
          Object.fromEntries(given.filter(([name]) => read.has(name))),
          Object.keys(executable.plan.outputs),
        );
        const previous = running;
        const saved = step % saveEvery === 0;
        const held = saved || callbacks.hold?.(step) === true;
        running = finish(run, { step, images: images.length, consumed, held, previous });
        running.catch(() => {}); // reported where it is waited for
        await previous;
        if (held) await running; // a checkpoint is of one step: the next must not have begun
        if (saved) await save();
      }
      await running;
      if (signal?.aborted) {
        await save();
        return await result(false);
      }
      if (progress.lossSteps === 0)
        throw new TrainingError({
          setting: 'data',
          expected: 'at least one usable image',
          found: `none of ${source.count}`,
        });
      const epoch = progress.epoch + 1;
      callbacks.epoch?.({ epoch, step: progress.step, loss: progress.lossSum / progress.lossSteps });
      const { step: done, phaseStart } = progress;
      const next = phaseOf(phases, epoch) === phase ? phaseStart : done;
      progress = {
        epoch,
        position: 0,
        step: done,
        lossSum: 0,
        lossSteps: 0,
        ...(next === undefined ? {} : { phaseStart: next }),
      };
      await save(epoch);
    }
    return await result(true);
  } finally {
    await running?.catch(() => {});
    steps.dispose();
    resident.dispose();
    state.dispose();
  }
}

/** Every part of a state through a function. */
const mapState = <S extends Partial<HostState>>(
  state: S,
  each: (values: ReadonlyMap<string, Float32Array>) => Map<string, Float32Array>,
): S =>
  Object.fromEntries(
    Object.entries(state).map(([part, values]) => [part, each(values as ReadonlyMap<string, Float32Array>)]),
  ) as unknown as S;
