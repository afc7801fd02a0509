// Entry of the page that runs a pretraining step.
import { openGpu } from '../src/gpu/gpu.ts';
import { adapterOf } from './output.ts';
import { benchPretrain, type PretrainBenchSettings, type ProcessorTime } from './pretrain.ts';

/** @returns the result, and the adapter that gave it */
async function pretrainStep(settings: PretrainBenchSettings) {
  const gpu = await openGpu();
  try {
    return { adapter: adapterOf(gpu), result: await benchPretrain(gpu, settings, processorTime) };
  } finally {
    gpu.close();
  }
}

declare global {
  /** The driver's. */
  function processorTime(): Promise<ProcessorTime>;
  var pretrain: typeof pretrainStep;
}

globalThis.pretrain = pretrainStep;
