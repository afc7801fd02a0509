// What outlives a reload: the browser's own database, nothing leaves the device.
import { type ReadonlySignal, signal } from '@preact/signals-core';
import { clear, createStore, del, delMany, entries, get, set, type UseStore, update } from 'idb-keyval';
import { askBeforeLeaving } from './leaving.ts';

/** One database each: `settings` is every tab's, the others belong to the tab that holds the work (see `ownsWork`). */
export type Room = 'settings' | 'photographs' | 'results' | 'maps' | 'training';

const rooms = new Map<Room, UseStore>();
const room = (name: Room): UseStore => {
  const known = rooms.get(name) ?? createStore(`faprompt-${name}`, name);
  rooms.set(name, known);
  return known;
};

/** `elsewhere`: another tab holds the work. `refused`: the browser keeps nothing more, which must not stop the work. */
export type Keeping = 'here' | 'elsewhere' | 'refused';
const state = signal<Keeping>('here');
/** Whether what is done in this tab outlives it. */
export const keeping: ReadonlySignal<Keeping> = state;

const forgiving = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch {
    if (state.peek() === 'here') state.value = 'refused';
    return undefined;
  }
};

export const kept = <T>(name: Room, key: string): Promise<T | undefined> =>
  forgiving(get<T>(key, room(name)));
export async function keep(name: Room, key: string, value: unknown): Promise<boolean> {
  if (name === 'photographs') beingKept += 1;
  try {
    return (await forgiving(set(key, value, room(name)).then(() => true))) === true;
  } finally {
    if (name === 'photographs') beingKept -= 1;
  }
}
/** Changes what is kept as it is now: another tab may have changed it. */
export async function keepChanged<T>(
  name: Room,
  key: string,
  change: (now: T | undefined) => T,
): Promise<void> {
  await forgiving(update<T>(key, change, room(name)));
}
export const forget = async (name: Room, ...keys: readonly string[]): Promise<void> => {
  await forgiving(keys.length === 1 ? del(keys[0]!, room(name)) : delMany([...keys], room(name)));
};
export const forgetAll = async (name: Room): Promise<void> => {
  await forgiving(clear(room(name)));
};
export const allKept = async <T>(name: Room): Promise<[string, T][]> =>
  (await forgiving(entries<string, T>(room(name)))) ?? [];

/** Photographs on their way into the database: a batch of them is there after a moment. */
let beingKept = 0;
askBeforeLeaving(() => beingKept > 1);

let owned: Promise<boolean> | undefined;

/**
 * Whether this tab holds the photographs and results that are kept: the first one does, until it goes; others work
 * without keeping anything, so that two tabs never mix their work.
 */
export function ownsWork(): Promise<boolean> {
  owned ??= new Promise((resolve) => {
    const request = (attempts: number): void => {
      navigator.locks
        .request('faprompt work', { ifAvailable: true }, (lock) => {
          if (!lock) {
            // The page before a reload lets go a moment later.
            if (attempts > 0) setTimeout(() => request(attempts - 1), 200);
            else resolve(false);
            return undefined;
          }
          resolve(true);
          return new Promise<never>(() => {}); // as long as the tab lives
        })
        .catch(() => resolve(false));
    };
    request(5);
  });
  void owned.then((here) => {
    if (!here) state.value = 'elsewhere';
  });
  return owned;
}
