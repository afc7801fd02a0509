// Keeps a model ready: a device that was lost is opened again, the model loaded again, the job in hand run again.
import { GpuError } from '../gpu/errors.ts';
import type { DeviceEvent } from './api.ts';
import { closedError, DetectorError } from './errors.ts';
import { asDetectorError } from './failures.ts';
import type { Model } from './model.ts';

export interface Keeper {
  readonly model: Model;
  /** Runs a job on a working device; again, up to `retries` times (1), if the device is lost under it. */
  run<T>(job: (model: Model) => Promise<T>, retries?: number): Promise<T>;
  close(): void;
}

/** Waits before each attempt to open a lost device again: a browser's GPU process takes a moment to restart. */
const patience = [0, 300, 1000];

/**
 * @param open opens a device and loads the model on it: at once, and whenever the device was lost
 * @throws what `open` throws the first time
 */
export async function keepModel(
  open: () => Promise<Model>,
  onDevice: (event: DeviceEvent) => void = () => {},
): Promise<Keeper> {
  let closed = false;
  let model = await open();
  let ready: Promise<Model>;
  let broken: Model | undefined;

  const watch = (opened: Model): Model => {
    model = opened;
    void opened.gpu.lost.then((error) => {
      if (closed || model !== opened) return;
      onDevice({ state: 'lost', message: error.message });
      restart(opened);
    });
    return opened;
  };
  /** Once for each model that broke, whoever notices first. */
  const restart = (found: Model): Promise<Model> => {
    if (broken === found) return ready;
    broken = found;
    ready = recover();
    ready.catch(() => {}); // reported to whoever waits
    return ready;
  };
  const recover = async (): Promise<Model> => {
    model.dispose();
    for (const [i, wait] of patience.entries()) {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      try {
        const opened = await open();
        onDevice({ state: 'recovered', message: `the model is loaded again on ${opened.gpu.description}` });
        return watch(opened);
      } catch (cause) {
        if (i < patience.length - 1) continue;
        const { message, hint } = asDetectorError(cause);
        onDevice({ state: 'failed', message });
        throw new DetectorError(
          'device-lost',
          `the GPU device was lost, and cannot be had again: ${message}`,
          {
            hint,
            cause,
          },
        );
      }
    }
    throw new Error('unreachable');
  };
  ready = Promise.resolve(watch(model));

  const current = async (): Promise<Model> => {
    if (closed) throw closedError();
    try {
      const found = await ready;
      if (!found.gpu.failure) return found;
      return restart(found);
    } catch {
      broken = undefined; // not had again: try once more, for this job
      return restart(model);
    }
  };

  return {
    get model() {
      return model;
    },
    async run(job, retries = 1) {
      for (let losses = 0; ; losses++) {
        const found = await current();
        try {
          return await job(found);
        } catch (error) {
          if (closed) throw closedError(error);
          if (losses >= retries || !(error instanceof GpuError && error.kind === 'device-lost')) throw error;
        }
      }
    },
    close() {
      closed = true;
      model.dispose();
    },
  };
}
