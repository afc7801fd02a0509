// The pretraining loop. Batches come from a source, checkpoints and events go to callbacks.
import type { Gpu } from '../../gpu/gpu.ts';
import { adamwSchedule } from '../../kernels/adamw/adamw.ts';
import { initialClipWeights } from '../../model/clip/initial.ts';
import { readLosses } from '../losses.ts';
import { createTrainingState, type HostState, readTrainingState } from '../step.ts';
import type { PretrainBatch } from './batch.ts';
import { learningRateAt, type PretrainSettings } from './settings.ts';
import { buildPretrainStep, compilePretrainStep, stateShapes } from './step.ts';

/** All that it takes to go on. */
export interface PretrainSnapshot {
  /** Steps done. */
  readonly step: number;
  readonly state: { readonly parameters: ReadonlyMap<string, Float32Array> } & Partial<HostState>;
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
    let lastEnd = 0;
    /** Reports a step once its losses are there. */
    const finish = async (
      running: ReturnType<typeof executable.run>,
      event: Pick<PretrainEvent, 'step' | 'learningRate' | 'waited'>,
    ): Promise<void> => {
      const began = performance.now();
      const found = await running;
      const now = performance.now();
      const losses = readLosses(found, event.step);
      run.step?.({ ...event, losses, ms: now - Math.max(began, lastEnd) });
      lastEnd = now;
    };
    try {
      // While a step computes, the next one's batch is uploaded and its commands are queued.
      let running: Promise<void> | undefined;
      while (step < settings.stopAt && !signal?.aborted) {
        step += 1;
        const asked = performance.now();
        const batch = await batchOf(step);
        const waited = performance.now() - asked;
        const learningRate = learningRateAt(settings, step);
        const schedule = adamwSchedule({ ...settings, lr: learningRate }, step);
        const results = executable.run({ ...batch, schedule }, Object.keys(executable.plan.outputs));
        const previous = running;
        running = finish(results, { step, learningRate, waited });
        running.catch(() => {}); // reported where it is waited for
        await previous;
        if (step % saveEvery === 0 && step < settings.stopAt && !signal?.aborted) {
          await running; // a checkpoint is of one step: the next must not have begun
          await run.save?.(await snapshot(step));
        }
      }
      await running;
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
