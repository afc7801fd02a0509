// The training loop. Pure: images come from a source, checkpoints and events go to callbacks.

import { prefetch } from '../base/prefetch.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { DeviceTensor, HostData } from '../graph/device-tensor.ts';
import type { Executable } from '../graph/executor.ts';
import type { Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import type { Clip } from '../model/clip/weights.ts';
import { batches, phaseOf } from './epoch.ts';
import { TrainingError } from './errors.ts';
import { readLosses } from './losses.ts';
import { createOverlap } from './overlap.ts';
import { createResidentImages } from './resident.ts';
import { epochOrder, learningOf, type TrainSettings } from './settings.ts';
import type { ImageProblem, TrainingSource } from './source.ts';
import { createTrained, type StartState } from './trained.ts';

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
  readonly state: StartState;
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
  checkBatch(settings);
  const { method, batch, epochs, seed, learningRate } = settings;
  const { optimizer, initial, phases: phasesOf } = learningOf(method);
  const phases = phasesOf?.(epochs) ?? [epochs];
  const trained = await createTrained(
    { gpu, clip, settings, classes: source.classes, tokenizer, compiled: callbacks.compiled },
    resume?.state ?? { parameters: await initial(clip, seed, tokenizer) },
  );
  const resident = createResidentImages(gpu, source, residentBytes);
  const unusable = new Set<string>();
  const report = (problem: ImageProblem) => {
    if (!unusable.has(problem.file)) callbacks.problem?.(problem);
    unusable.add(problem.file);
  };
  let progress = resume?.progress ?? beginning;
  const save = async (epoch?: number) => callbacks.save?.({ progress, state: await trained.read() }, epoch);
  const result = async (finished: boolean): Promise<TrainResult> => {
    const { parameters } = await trained.read();
    return { finished, progress, parameters, problems: unusable.size, resident: { ...resident.kept } };
  };
  const running = createOverlap<Record<string, HostData>>();
  /** The rest of the epoch under way, as far as no signal ends it. */
  const trainEpoch = async (): Promise<void> => {
    const phase = phaseOf(phases, progress.epoch);
    const order = epochOrder(seed, progress.epoch, source.count).slice(progress.position);
    const loaded = prefetch(order, (index) => resident.load(index), Math.max(batch, source.ahead ?? 0));
    let { step } = progress;
    for await (const { images, consumed } of batches(loaded, batch, report)) {
      if (signal?.aborted) break;
      if (images.length === 0) {
        await running.ended();
        progress = { ...progress, position: progress.position + consumed };
        continue;
      }
      step += 1;
      const at = { step, images: images.length };
      const ofPhase = step - (progress.phaseStart ?? 0);
      const schedule = optimizer.schedule({ learningRate, step: ofPhase, epoch: progress.epoch, epochs });
      const queued = await trained.step(images, phase, schedule);
      // A checkpoint is of one step: the next must not have begun.
      const saved = step % saveEvery === 0;
      const held = saved || callbacks.hold?.(step) === true;
      const done = async (found: Record<string, HostData>, ms: number) => {
        const losses = readLosses(found, at.step);
        progress = after(progress, { step: at.step, consumed, loss: losses.total! });
        await callbacks.step?.({ epoch: progress.epoch + 1, ...at, losses, ms, progress, held });
      };
      await running.add(queued.losses, done, held);
      if (saved) await save();
    }
    await running.ended();
  };
  try {
    await callbacks.started?.(trained.parameters);
    while (progress.epoch < epochs) {
      await trainEpoch();
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
      const { step, lossSum, lossSteps } = progress;
      progress = nextEpoch(progress, phases);
      callbacks.epoch?.({ epoch: progress.epoch, step, loss: lossSum / lossSteps });
      await save(progress.epoch);
    }
    return await result(true);
  } finally {
    await running.ended().catch(() => {});
    trained.dispose();
    resident.dispose();
  }
}

const beginning: Progress = { epoch: 0, position: 0, step: 0, lossSum: 0, lossSteps: 0 };

/** Where a run stands after a step. */
const after = (
  progress: Progress,
  { step, consumed, loss }: { readonly step: number; readonly consumed: number; readonly loss: number },
): Progress => ({
  ...progress,
  step,
  position: progress.position + consumed,
  lossSum: progress.lossSum + loss,
  lossSteps: progress.lossSteps + 1,
});

/** Where the epoch after the one under way begins. */
function nextEpoch({ epoch, step, phaseStart }: Progress, phases: readonly number[]): Progress {
  const begun = phaseOf(phases, epoch + 1) === phaseOf(phases, epoch) ? phaseStart : step;
  return {
    ...beginning,
    epoch: epoch + 1,
    step,
    ...(begun === undefined ? {} : { phaseStart: begun }),
  };
}

function checkBatch({ method, batch }: TrainSettings): void {
  const { largestBatch = batch } = learningOf(method);
  if (batch > largestBatch)
    throw new TrainingError({
      setting: 'batch',
      expected: `at most ${largestBatch}, as ${method.name} has it`,
      found: `${batch}`,
    });
}
