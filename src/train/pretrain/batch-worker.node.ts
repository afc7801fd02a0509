// Draws batches in a thread of its own: `workerData` are the settings, a message is a step.
import { parentPort, workerData } from 'node:worker_threads';
import { drawBatch } from './batch.ts';
import type { PretrainSettings } from './settings.ts';

parentPort?.on('message', (step: number) => {
  const batch = drawBatch(workerData as PretrainSettings, step);
  parentPort?.postMessage(
    { step, batch },
    Object.values(batch).map(({ buffer }) => buffer),
  );
});
