// One training run, from images to a file of prompts. Pure: `train` and the library (a page, too) give it a source of
// images and a sink for checkpoints and events.
import type { Gpu } from '../gpu/gpu.ts';
import type { DeviceTensor } from '../graph/device-tensor.ts';
import type { Executable } from '../graph/executor.ts';
import type { ClipConfig } from '../model/clip/config.ts';
import type { Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import type { Clip } from '../model/clip/weights.ts';
import type { Method } from '../model/methods/method.ts';
import { writePrompts } from '../model/methods/prompts-file.ts';
import { planBytes, stateBytes, weightBytes } from '../train/memory.ts';
import { learningOf, type TrainSettings } from '../train/settings.ts';
import type { ImageProblem, TrainingSource } from '../train/source.ts';
import { type EpochEvent, type Snapshot, type StepEvent, type TrainResult, train } from '../train/trainer.ts';
import { type ImageChoice, imageSettings, type Refuse } from './image-settings.ts';

export interface TrainingRun {
  readonly gpu: Gpu;
  readonly clip: Clip;
  readonly source: TrainingSource;
  readonly settings: TrainSettings;
  /** For any text, where the method's prompts name classes. */
  readonly tokenizer?: (() => Promise<Tokenizer>) | undefined;
  /** Stops after the step under way, with a checkpoint. */
  readonly signal: AbortSignal;
  /** Steps between checkpoints inside an epoch. */
  readonly saveEvery: number;
  /** Most MiB of images that stay on the device; default: residentBudget. */
  readonly gpuCache?: number | undefined;
}

/** Where checkpoints are kept, and who looks on. */
export interface TrainingSink {
  /** The checkpoint to go on from; absent: from the beginning. */
  readonly resume?: Snapshot | undefined;
  /** Replaces the checkpoint; `epoch` is set at an epoch's end. */
  save(snapshot: Snapshot, epoch?: number): Promise<void>;
  /** The learnables on the device, before the first step. */
  started?(parameters: ReadonlyMap<string, DeviceTensor>): Promise<void>;
  /** Whether the step after this one waits for `step`, which looks at the learnables. */
  hold?(step: number): boolean;
  step(event: TrainingStep): void | Promise<void>;
  epoch(event: EpochEvent): void;
  /** Once per unusable image. */
  problem(problem: ImageProblem): void;
}

export interface TrainingStep extends StepEvent {
  /** Images trained on so far, counted once in each epoch, and in the whole run. */
  readonly done: number;
  readonly total: number;
}

export interface TrainingOutcome
  extends Pick<TrainResult, 'finished' | 'progress' | 'problems' | 'resident'> {
  /** The file of what was learnt so far. */
  readonly prompts: Uint8Array;
  /** Mean loss of each epoch of this part of the run. */
  readonly losses: readonly number[];
  /** A step of whole batches with features at hand: its median time and its work. */
  readonly step: { readonly ms: number; readonly flops: number } | null;
  /** Bytes of GPU memory that weights, learnables and steps need. */
  readonly planned: number;
}

/** What was chosen of a run's settings; the rest is the method's own. */
export interface TrainingChoice extends ImageChoice {
  readonly epochs?: number | undefined;
  readonly batch?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly seed?: number | undefined;
}

/**
 * Everything that determines a run's result.
 * @param what sha256 of weights and images, and how features are rounded
 * @throws what `refuse` throws, for a size or a depth that does not fit the CLIP
 */
export function trainSettings(
  config: ClipConfig,
  { method, ...choice }: TrainingChoice & { readonly method: Method },
  { clip, data, precision }: Pick<TrainSettings, 'clip' | 'data' | 'precision'>,
  refuse: Refuse,
): TrainSettings {
  const { imageSize, dualLayers } = imageSettings(config, method, choice, refuse);
  const { schedule } = learningOf(method);
  const { epochs, batch, learningRate } = schedule;
  const { seed = 0 } = choice;
  return {
    method,
    imageSize,
    dualLayers,
    epochs: choice.epochs ?? epochs,
    batch: choice.batch ?? batch,
    seed,
    learningRate: choice.learningRate ?? learningRate,
    clip,
    data,
    precision,
  };
}

/** Where a run stands, in images. */
export const imagesDone = ({ progress }: Pick<Snapshot, 'progress'>, count: number): number =>
  progress.epoch * count + progress.position;

/**
 * Trains until the end or until the signal; the same call with the sink's checkpoint goes on.
 * @throws TrainingError, GpuError
 */
export async function runTraining(
  { gpu, clip, source, settings, tokenizer, signal, saveEvery, gpuCache }: TrainingRun,
  sink: TrainingSink,
): Promise<TrainingOutcome> {
  const { method, imageSize, dualLayers, epochs, batch, seed, learningRate } = settings;
  const learning = learningOf(method);
  const images = source.count;
  const compiled = new Map<number, Executable>();
  const times: number[] = [];
  const losses: number[] = [];
  const { finished, progress, problems, parameters, resident } = await train(
    { gpu, clip },
    { source, settings },
    {
      started: (made) => sink.started?.(made),
      hold: (step) => sink.hold?.(step) ?? false,
      compiled: (size, executable) => compiled.set(size, executable),
      problem: (problem) => sink.problem(problem),
      step(event) {
        if (event.images === batch) times.push(event.ms);
        return sink.step({
          ...event,
          done: (event.epoch - 1) * images + event.progress.position,
          total: epochs * images,
        });
      },
      epoch(event) {
        losses.push(event.loss);
        sink.epoch(event);
      },
      save: (snapshot, epoch) => sink.save(snapshot, epoch),
    },
    {
      ...(sink.resume ? { resume: sink.resume } : {}),
      signal,
      saveEvery,
      tokenizer,
      residentBytes: gpuCache === undefined ? undefined : gpuCache * 2 ** 20,
    },
  );
  const full = compiled.get(batch);
  const training = { seed, epochs, batch, lr: learningRate, images };
  const learnt = { method, imageSize, dualLayers, clip: settings.clip, learnables: parameters, training };
  return {
    finished,
    progress,
    problems,
    resident,
    prompts: writePrompts(learnt, clip.config),
    losses,
    step: full && times.length > 0 ? { ms: median(times), flops: full.plan.flops } : null,
    planned: [...compiled.values()].reduce(
      (sum, { plan }) => sum + planBytes(plan),
      weightBytes(clip.tensors.values()) +
        stateBytes(learning.shapes(clip.config), learning.optimizer.moments.length),
    ),
  };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
