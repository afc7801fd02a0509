// Work that goes on when the device is lost under it: a driver that restarts must not end a station's day.
import { setTimeout } from 'node:timers/promises';
import { GpuError } from '../gpu/errors.ts';
import type { Io } from './io.ts';
import { type ClipSession, withClip } from './session.ts';

/** Waits before a device is opened again, in ms; as many losses in a row, without any progress, end the work. */
const patience = [0, 300, 1000, 5000];

/**
 * `withClip`, and again on a new device where one was lost.
 * @param work goes on where it was; calls `progress` when something was done
 */
export async function withClipAgain<T>(
  io: Io,
  clip: string,
  work: (session: ClipSession, progress: () => void) => Promise<T>,
): Promise<T> {
  let losses = 0;
  const progress = () => {
    losses = 0;
  };
  for (;;) {
    try {
      return await withClip(io, clip, (session) => work(session, progress));
    } catch (error) {
      const wait = patience[losses++];
      if (wait === undefined || !(error instanceof GpuError && error.kind === 'device-lost')) throw error;
      io.note(`warning: ${error.message}; opening it again`);
      await setTimeout(wait);
    }
  }
}
