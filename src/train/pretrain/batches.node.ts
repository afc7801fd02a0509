// Batches, drawn ahead of the step that needs them.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { openPhotos, type PhotoStream } from '../../data/photos/stream.node.ts';
import { type Drawn, drawImages, type PretrainBatch, prepareBatch } from './batch.ts';
import { drawingOf, type PretrainSettings } from './settings.ts';

export interface BatchSource {
  /** The batch of a step; steps are asked for in order, one at a time. */
  next(step: number): Promise<PretrainBatch>;
  close(): Promise<void>;
}

/** Where a run's photographs lie, and which sources it must not see. */
export interface PhotoFolder {
  readonly dir: string;
  readonly heldOut: readonly string[];
}

/** What a drawing thread is given. */
export interface BatchWork {
  readonly settings: PretrainSettings;
  readonly photos: PhotoFolder | undefined;
}

/** Draws batches in this thread; photographs are opened at the first, images are kept until their last visit. */
export function batchDrawer({ settings, photos }: BatchWork): (step: number) => Promise<PretrainBatch> {
  let stream: Promise<PhotoStream> | undefined;
  const kept = new Map<number, Promise<readonly Drawn[]>>();
  return async (step) => {
    if (photos) stream ??= openPhotos(photos.dir, photos.heldOut);
    const { batch, last } = drawingOf(settings, step);
    const drawing = kept.get(batch) ?? drawImages(settings, batch, await stream);
    if (last) kept.delete(batch);
    else kept.set(batch, drawing);
    return prepareBatch(settings, step, await drawing);
  };
}

/** Batches drawn when they are asked for, in this thread. */
export const inlineBatches = (settings: PretrainSettings, photos?: PhotoFolder): BatchSource => ({
  next: batchDrawer({ settings, photos }),
  close: async () => {},
});

/** One thread is left to the training loop. */
const defaultThreads = (): number => Math.max(1, availableParallelism() - 1);

/**
 * Batches drawn by threads that take turns, each two steps ahead: the same as inlineBatches.
 * @param script the built batch-worker.node.ts
 */
export function threadedBatches(
  settings: PretrainSettings,
  script: URL,
  { threads = defaultThreads(), photos }: { threads?: number; photos?: PhotoFolder | undefined } = {},
): BatchSource {
  const drawn = new Map<number, PretrainBatch>();
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const workers = Array.from({ length: threads }, () => {
    const worker = new Worker(script, { workerData: { settings, photos } satisfies BatchWork });
    worker.on('message', ({ step, batch }: { step: number; batch: PretrainBatch }) => {
      drawn.set(step, batch);
      wake?.();
    });
    worker.on('error', (error) => {
      failure = error;
      wake?.();
    });
    return worker;
  });
  let asked: number | undefined;
  return {
    async next(step) {
      const until = Math.min(step + 2 * threads, settings.stopAt);
      for (asked ??= step - 1; asked < until; ) {
        asked += 1;
        // A batch of images stays with the thread that drew it.
        workers[drawingOf(settings, asked).batch % threads]!.postMessage(asked);
      }
      for (;;) {
        const batch = drawn.get(step);
        drawn.delete(step);
        if (batch) return batch;
        if (failure) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
