// Places that are of no use half-way, temporary files and folders: where a process is ended while it writes them, they
// would stay for ever. A program that ends by a signal removes them first; the library leaves signals to its user.
import { rmSync } from 'node:fs';

const places = new Set<string>();
let changed: (some: boolean) => void = () => {};

/**
 * Runs `work`, which writes to `place` and has renamed or removed it when it is done. It makes the place synchronously
 * and first of all: what is under way in Node's threads goes on when the process is told to end, and would make it anew.
 */
export async function whileUnfinished<T>(place: string, work: () => Promise<T>): Promise<T> {
  places.add(place);
  if (places.size === 1) changed(true);
  try {
    return await work();
  } finally {
    places.delete(place);
    if (places.size === 0) changed(false);
  }
}

/** Calls `listener` when the first unfinished place appears, and when none is left. */
export function onUnfinished(listener: (some: boolean) => void): void {
  changed = listener;
}

/** Removes them all, at once: for a process that ends now. */
export function removeUnfinished(): void {
  for (const place of places)
    try {
      // Again where a file that was being made came into a folder meanwhile.
      rmSync(place, { recursive: true, force: true, maxRetries: 20, retryDelay: 5 });
    } catch {} // a disk that is gone has no half-written file either
}
