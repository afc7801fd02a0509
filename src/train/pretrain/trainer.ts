// The pretraining loop. Batches come from a source, checkpoints and events go to callbacks.
import type { Gpu } from '../../gpu/gpu.ts';
import type { HostData } from '../../graph/device-tensor.ts';
import { adamwSchedule } from '../../kernels/adamw/adamw.ts';
import { initialClipWeights } from '../../model/clip/initial.ts';
import { readLosses } from '../losses.ts';
import { createOverlap } from '../overlap.ts';
import { createTrainingState, readTrainingState } from '../step.ts';
import type { StartState } from '../trained.ts';
import type { PretrainBatch } from './batch.ts';
import { learningRateAt, type PretrainSettings } from './settings.ts';
import { buildPretrainStep, compilePretrainStep, stateShapes } from './step.ts';

/** All that it takes to go on. */
export interface PretrainSnapshot {
  /** Steps done. */
  readonly step: number;
  readonly state: StartState;
}

export interface PretrainEvent {
  /** From 1. */
  readonly step: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly learningRate: number;
  /** Milliseconds on the device, and waiting for the batch before that. */
  readonly ms: number;
  readonly waited: number;
}

export interface PretrainRun {
  readonly resume?: PretrainSnapshot | undefined;
  /** Weights that the first step begins with. Default: seeded, from scratch. */
  readonly initial?: ReadonlyMap<string, Float32Array> | undefined;
  /** Stops after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Steps between checkpoints. */
  readonly saveEvery?: number;
  step?(event: PretrainEvent): void;
  save?(snapshot: PretrainSnapshot): Promise<void>;
  /** The work of one step in floating-point operations, once known. */
  compiled?(flops: number): void;
}

/**
 * Trains until the last step or until the signal: the same settings give the same bits, interrupted or not.
 * @param batchOf draws a step's batch; @returns where the run stands
 * @throws TrainingError for a loss that is not finite (nothing is saved then), GpuError
 */
export async function pretrain(
  gpu: Gpu,
  settings: PretrainSettings,
  batchOf: (step: number) => Promise<PretrainBatch>,
  run: PretrainRun = {},
): Promise<PretrainSnapshot> {
  const { resume, signal, saveEvery = Number.POSITIVE_INFINITY } = run;
  const start = resume?.state ?? {
    parameters: run.initial ?? initialClipWeights(settings.config, settings.seed),
  };
  const state = createTrainingState(gpu, stateShapes(settings.config), start);
  try {
    const executable = await compilePretrainStep(gpu, buildPretrainStep(settings), state);
    run.compiled?.(executable.plan.flops);
    const snapshot = async (step: number) => ({ step, state: await readTrainingState(gpu, state) });
    let step = resume?.step ?? 0;
    const running = createOverlap<Record<string, HostData>>();
    try {
      while (step < settings.stopAt && !signal?.aborted) {
        step += 1;
        const asked = performance.now();
        const batch = await batchOf(step);
        const waited = performance.now() - asked;
        const learningRate = learningRateAt(settings, step);
        const schedule = adamwSchedule({ ...settings, lr: learningRate }, step);
        const queued = executable.run({ ...batch, schedule }, Object.keys(executable.plan.outputs));
        const event = { step, learningRate, waited };
        const done = (found: Record<string, HostData>, ms: number) =>
          run.step?.({ ...event, losses: readLosses(found, event.step), ms });
        // A checkpoint is of one step: the next must not have begun.
        const saved = step % saveEvery === 0 && step < settings.stopAt;
        await running.add(queued, done, saved);
        if (saved && !signal?.aborted) await run.save?.(await snapshot(step));
      }
      await running.ended();
      const last = await snapshot(step);
      await run.save?.(last);
      return last;
    } finally {
      executable.dispose();
    }
  } finally {
    state.dispose();
  }
}
