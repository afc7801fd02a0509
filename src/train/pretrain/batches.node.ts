// Batches, drawn ahead of the step that needs them.
import { Worker } from 'node:worker_threads';
import { drawBatch, type PretrainBatch } from './batch.ts';
import type { PretrainSettings } from './settings.ts';

export interface BatchSource {
  /** The batch of a step; steps are asked for in order, one at a time. */
  next(step: number): Promise<PretrainBatch>;
  close(): Promise<void>;
}

/** Batches drawn when they are asked for, in this thread. */
export const inlineBatches = (settings: PretrainSettings): BatchSource => ({
  next: async (step) => drawBatch(settings, step),
  close: async () => {},
});

/**
 * Batches drawn by a thread, up to `ahead` of them before they are asked for: the same as inlineBatches.
 * @param script the built batch-worker.node.ts
 */
export function threadedBatches(settings: PretrainSettings, script: URL, ahead = 4): BatchSource {
  const worker = new Worker(script, { workerData: settings });
  const drawn: PretrainBatch[] = [];
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  worker.on('message', (batch: PretrainBatch) => {
    drawn.push(batch);
    wake?.();
  });
  worker.on('error', (error) => {
    failure = error;
    wake?.();
  });
  let asked: number | undefined;
  return {
    async next(step) {
      const until = Math.min(step + ahead, settings.stopAt);
      for (asked ??= step - 1; asked < until; ) worker.postMessage(++asked);
      while (drawn.length === 0) {
        if (failure) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return drawn.shift()!;
    },
    close: async () => {
      await worker.terminate();
    },
  };
}
