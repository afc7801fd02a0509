// What goes wrong on a device: it is lost, runs out of memory, refuses a call. Who waits for it is told.
import { GpuError } from './errors.ts';

export interface Health {
  /** Resolves when the device is lost, other than by `close`. */
  readonly lost: Promise<GpuError>;
  /** What went wrong, after which nothing will work on this device any more. */
  readonly failure: GpuError | undefined;
  /** `promise`, or the device's loss if that comes first. @throws GpuError for a device that is closed or has failed */
  guard<T>(promise: Promise<T>): Promise<T>;
  /** From now on a loss is meant. */
  close(): void;
}

/** Listens to a device, from now on. */
export function watchHealth(device: GPUDevice): Health {
  let failure: GpuError | undefined;
  let closed = false;
  device.onuncapturederror = ({ error }) => {
    const outOfMemory = 'GPUOutOfMemoryError' in globalThis && error instanceof GPUOutOfMemoryError;
    failure ??= new GpuError(outOfMemory ? 'out-of-memory' : 'validation', error.message);
  };
  const lost = device.lost.then((reason): never => {
    failure ??= new GpuError('device-lost', `the GPU device was lost (${reason.reason}): ${reason.message}`);
    throw failure;
  });
  /** Who waits: each is forgotten when it has what it waits for, where `Promise.race` would keep a listener for ever. */
  const waiting = new Set<(reason: unknown) => void>();
  lost.catch((error) => {
    for (const fail of waiting) fail(error);
  });

  const check = () => {
    if (closed) throw new GpuError('device-lost', 'the GPU device was closed');
    if (failure) throw failure;
  };
  return {
    lost: new Promise((resolve) => {
      lost.catch((error: GpuError) => {
        if (!closed) resolve(error);
      });
    }),
    get failure() {
      return failure;
    },
    async guard<T>(promise: Promise<T>): Promise<T> {
      check();
      let fail = (_: unknown) => {};
      try {
        return await new Promise<T>((resolve, reject) => {
          fail = reject;
          waiting.add(fail);
          promise.then(resolve, reject);
        });
      } catch (error) {
        // What waits on a lost or exhausted device may be rejected a moment before the reason is known.
        await new Promise((resolve) => setTimeout(resolve, 10));
        check();
        throw error;
      } finally {
        waiting.delete(fail);
        check();
      }
    },
    close() {
      closed = true;
    },
  };
}
