// What the engine is doing, with the time that remains.
import type { Phase, Progress } from '../../src/detector/index.ts';

export interface Activity {
  /** For whom: "Opening the model", "photo.jpg". */
  readonly title: string;
  readonly progress?: Progress;
  /** Seconds that the phase will still take; absent until it can be told. */
  readonly remaining?: number;
}

/** Estimates the rest of a phase from its pace so far. */
export function createClock(
  now: () => number = () => performance.now(),
): (progress: Progress) => number | undefined {
  let phase: Phase | undefined;
  let began = 0;
  let first = 0;
  return ({ phase: current, done, total }) => {
    if (current !== phase) {
      phase = current;
      began = now();
      first = done;
    }
    const seconds = (now() - began) / 1000;
    const part = done - first;
    // An estimate from a moment's work is worth nothing.
    return seconds < 0.5 || part <= 0 ? undefined : (seconds * (total - done)) / part;
  };
}
