// What outlives a reload: the browser's own database, nothing leaves the device.
import { clear, createStore, del, delMany, entries, get, set, type UseStore } from 'idb-keyval';

/** One database each: `settings` is every tab's, the others belong to the tab that holds the work (see `ownsWork`). */
export type Room = 'settings' | 'photographs' | 'results' | 'maps' | 'training';

const rooms = new Map<Room, UseStore>();
const room = (name: Room): UseStore => {
  const known = rooms.get(name) ?? createStore(`faprompt-${name}`, name);
  rooms.set(name, known);
  return known;
};

/** Said once: a browser that keeps nothing (private window, no room) must not stop the work. */
let complain: (message: string) => void = () => {};
export const onKeepingFails = (listener: (message: string) => void): void => {
  complain = listener;
};
const forgiving = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    return undefined;
  }
};

export const kept = <T>(name: Room, key: string): Promise<T | undefined> =>
  forgiving(get<T>(key, room(name)));
export const keep = (name: Room, key: string, value: unknown): Promise<boolean> =>
  forgiving(set(key, value, room(name)).then(() => true)).then((done) => done === true);
export const forget = async (name: Room, ...keys: readonly string[]): Promise<void> => {
  await forgiving(keys.length === 1 ? del(keys[0]!, room(name)) : delMany([...keys], room(name)));
};
export const forgetAll = async (name: Room): Promise<void> => {
  await forgiving(clear(room(name)));
};
export const allKept = async <T>(name: Room): Promise<[string, T][]> =>
  (await forgiving(entries<string, T>(room(name)))) ?? [];

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
  return owned;
}
