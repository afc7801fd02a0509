// What outlives a reload: the browser's own database, nothing leaves the device.
import { type ReadonlySignal, signal } from '@preact/signals-core';
import {
  clear,
  createStore,
  delMany,
  get,
  promisifyRequest,
  set,
  setMany,
  type UseStore,
  update,
} from 'idb-keyval';
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

const last = new Map<Room, Promise<unknown>>();
/** Behind all writes to a room that were asked for so far. */
const afterWrites = <T>(name: Room, work: () => Promise<T>): Promise<T> =>
  (last.get(name) ?? Promise.resolve()).then(work);
/** What is written to a room goes there in the order in which it was asked for, however many tasks it takes. */
function inTurn<T>(name: Room, write: () => Promise<T>): Promise<T> {
  const turn = afterWrites(name, write);
  last.set(
    name,
    turn.catch(() => {}),
  );
  return turn;
}

export const kept = <T>(name: Room, key: string): Promise<T | undefined> =>
  afterWrites(name, () => forgiving(get<T>(key, room(name))));
export const keep = (name: Room, key: string, value: unknown): Promise<boolean> =>
  inTurn(name, async () => (await forgiving(set(key, value, room(name)).then(() => true))) === true);
/** Several; whoever leaves before all of them are there is asked. */
export function keepAll(name: Room, records: readonly (readonly [string, unknown])[]): Promise<void> {
  beingKept += records.length;
  return inTurn(name, async () => {
    for (const some of slices(records)) {
      // One that cannot be written takes those written with it along.
      await setMany(some as [string, unknown][], room(name)).catch(async () => {
        for (const [key, value] of some) await forgiving(set(key, value, room(name)));
      });
      beingKept -= some.length;
    }
  });
}
/** Changes what is kept as it is now: another tab may have changed it. */
export async function keepChanged<T>(
  name: Room,
  key: string,
  change: (now: T | undefined) => T,
): Promise<void> {
  await forgiving(update<T>(key, change, room(name)));
}
export const forget = (name: Room, ...keys: readonly string[]): Promise<void> =>
  inTurn(name, async () => {
    for (const some of slices(keys)) await forgiving(delMany([...some], room(name)));
  });
export const forgetAll = (name: Room): Promise<void> =>
  inTurn(name, async () => {
    await forgiving(clear(room(name)));
  });
/** In the order of their keys. */
export const allKept = <T>(name: Room): Promise<[string, T][]> =>
  afterWrites(name, async () => {
    const all: [string, T][] = [];
    for (;;) {
      const some = await forgiving(room(name)('readonly', (store) => readAfter<T>(store, all.at(-1)?.[0])));
      all.push(...(some ?? []));
      if (some === undefined || some.length < together) return all;
    }
  });

/** Records that go through one task: a day's photographs at once would hold the page up. */
const together = 20;

function* slices<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += together) yield all.slice(at, at + together);
}

async function readAfter<T>(store: IDBObjectStore, key: string | undefined): Promise<[string, T][]> {
  const range = key === undefined ? null : IDBKeyRange.lowerBound(key, true);
  const [keys, values] = await Promise.all([
    promisifyRequest(store.getAllKeys(range, together)),
    promisifyRequest<T[]>(store.getAll(range, together)),
  ]);
  return keys.map((own, i) => [String(own), values[i]!]);
}

/** Records of a batch on their way into the database: they are there after a moment. */
let beingKept = 0;
askBeforeLeaving(() => beingKept > 1);

const lockName = 'faprompt work';
/** Milliseconds for which a tab that let go may come back: it is being loaded again, not closed. */
const grace = 6000;
let owned: Promise<boolean> | undefined;

/**
 * Whether this tab holds the photographs and results that are kept: the first one does, until it goes; others work
 * without keeping anything, so that two tabs never mix their work, until one of them takes over (`onTakeOver`).
 */
export function ownsWork(): Promise<boolean> {
  if (owned) return owned;
  // The page before a reload lets go a moment later.
  owned = tryToHold(5);
  void owned.then((here) => {
    if (here) return;
    state.value = 'elsewhere';
    void waitForWork().catch(() => {});
  });
  return owned;
}

async function tryToHold(attempts: number): Promise<boolean> {
  for (let left = attempts; ; left -= 1) {
    if (await holdIfFree()) return true;
    if (left === 0) return false;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const holdIfFree = (): Promise<boolean> =>
  new Promise((resolve) => {
    navigator.locks
      .request(lockName, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock && new Promise<never>(() => {}); // as long as the tab lives
      })
      .catch(() => resolve(false));
  });

const takers: (() => Promise<unknown>)[] = [];
/** Calls `take` when the tab that held the work was closed and this one holds it from now on; one after the other. */
export const onTakeOver = (take: () => Promise<unknown>): void => void takers.push(take);

async function waitForWork(): Promise<void> {
  for (;;) {
    await navigator.locks.request(lockName, () => {});
    await new Promise((resolve) => setTimeout(resolve, grace));
    if (await holdIfFree()) break;
  }
  owned = Promise.resolve(true);
  for (const take of takers) await take();
  if (state.peek() === 'elsewhere') state.value = 'here';
}
