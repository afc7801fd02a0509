// The detector in a worker, as seen from the page.
import type { DetectorInfo } from './api.ts';
import { closedError, DetectorError } from './errors.ts';
import type { DetectJob, ModelOptions, PortableDetector } from './local.ts';
import type { PortableImage, PortableTraining } from './portable.ts';
import { type Caller, type Context, createCaller } from './rpc.ts';
import { trainingHandle } from './training-handle.ts';
import { startWorker } from './worker-start.ts';

/** What the worker answers to. */
export interface WorkerMethods {
  load(options: ModelOptions, context: Context): Promise<unknown>;
  detect(
    args: { image: PortableImage } & Pick<DetectJob, 'perPrompt' | 'defaults'>,
    context: Context,
  ): Promise<unknown>;
  setPrompts(args: {
    prompts: Parameters<PortableDetector['setPrompts']>[0];
    options: Parameters<PortableDetector['setPrompts']>[1];
  }): Promise<unknown>;
  train(options: PortableTraining, context: Context): Promise<unknown>;
  classify(
    args: Parameters<PortableDetector['classify']>[2] & { image: PortableImage; texts: readonly string[] },
    context: Context,
  ): Promise<unknown>;
  readonly [method: string]: (args: never, context: Context) => Promise<unknown>;
}

const bitmapsOf = (...images: readonly (PortableImage | undefined)[]): Transferable[] =>
  images.flatMap((image) => (image && 'bitmap' in image ? [image.bitmap] : []));

/** @throws DetectorError where the worker's script cannot be loaded, or what `load` throws there */
export async function openRemote(options: ModelOptions): Promise<PortableDetector> {
  const { progress, onWarning, onDevice, onInfo: _info, signal, worker: _, workerUrl, ...sent } = options;
  signal?.throwIfAborted();
  const worker = await startWorker(workerUrl);
  const caller = createCaller(worker);
  worker.addEventListener('error', (event) => {
    event.preventDefault();
    caller.fail(new DetectorError('internal', `the worker failed: ${event.message || 'it says nothing'}`));
  });
  const close = (error: unknown) => {
    caller.fail(error);
    worker.terminate();
  };
  let latest: DetectorInfo | undefined;
  try {
    const { result } = caller.call<DetectorInfo>('load', sent, {
      events: {
        progress,
        warning: onWarning,
        device: onDevice,
        info: (info: DetectorInfo) => {
          latest = info;
        },
      },
      signal,
      lasting: true,
    });
    latest = await result;
    const known = {
      get: () => latest!,
      set: (info: DetectorInfo) => {
        latest = info;
      },
    };
    return createRemote(caller, known, () => close(closedError()));
  } catch (error) {
    close(error);
    throw error;
  }
}

function createRemote(
  caller: Caller,
  known: { get(): DetectorInfo; set(info: DetectorInfo): void },
  close: () => void,
): PortableDetector {
  return {
    get info() {
      return known.get();
    },
    detect: (image, { perPrompt, defaults, progress, signal }) =>
      caller.call<Awaited<ReturnType<PortableDetector['detect']>>>(
        'detect',
        { image, perPrompt, defaults },
        { events: { progress }, signal, transfer: bitmapsOf(image) },
      ).result,
    async setPrompts(prompts, options) {
      const info = await caller.call<DetectorInfo>('setPrompts', { prompts, options }).result;
      known.set(info);
      return info;
    },
    train(options) {
      const { onStep, onEpoch, onCheckpoint, onMap, onProblem, progress, signal, ...sent } = options;
      const { result, tell } = caller.call<Awaited<ReturnType<PortableDetector['train']>['result']>>(
        'train',
        sent,
        {
          events: {
            step: onStep,
            epoch: onEpoch,
            checkpoint: onCheckpoint,
            map: onMap,
            problem: onProblem,
            progress,
          },
          signal,
          transfer: sent.samples.flatMap(({ image, mask }) => bitmapsOf(image, mask)),
        },
      );
      return trainingHandle(() => result, {
        pause: () => tell('pause'),
        continue: () => tell('continue'),
        stop: () => tell('stop'),
        watch: (watched) => tell('watch', watched),
      });
    },
    classify: (image, texts, { vocabulary, progress, signal }) =>
      caller.call<Awaited<ReturnType<PortableDetector['classify']>>>(
        'classify',
        { image, texts, vocabulary },
        { events: { progress }, signal, transfer: bitmapsOf(image) },
      ).result,
    close,
  };
}
