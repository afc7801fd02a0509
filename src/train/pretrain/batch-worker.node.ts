// Draws batches in a thread of its own: `workerData` says of what, a message is a step.
import { parentPort, workerData } from 'node:worker_threads';
import { loadSharp } from '../../data/sharp.node.ts';
import { type BatchWork, batchDrawer } from './batches.node.ts';

// The threads are many already: libvips needs none of its own.
if ((workerData as BatchWork).photos) (await loadSharp()).concurrency(1);
const draw = batchDrawer(workerData as BatchWork);

parentPort?.on('message', async (step: number) => {
  const batch = await draw(step);
  parentPort?.postMessage(
    { step, batch },
    Object.values(batch).map(({ buffer }) => buffer),
  );
});
