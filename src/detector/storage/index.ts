// What a page may want to know of the storage, and remove from it.
import type { StorageUse, StoredWeights } from '../api.ts';
import { absolute } from '../portable.ts';
import { openStore, storedBytes } from './store.ts';

/** Files in the browser's storage, oldest first; empty where there is no storage. */
export async function listWeights(): Promise<StoredWeights[]> {
  const entries = (await (await openStore())?.list()) ?? [];
  return entries.map((entry) => ({
    url: entry.url,
    bytes: entry.bytes,
    stored: storedBytes(entry),
    ...(entry.sha256 === undefined ? {} : { sha256: entry.sha256 }),
    time: entry.time,
  }));
}

/** Frees a file's place, once nobody is downloading it. @returns false where there is no such file */
export async function removeWeights(url: string | URL): Promise<boolean> {
  const address = absolute(url);
  const store = await openStore();
  return store ? navigator.locks.request(`faprompt ${address}`, () => store.remove(address)) : false;
}

/** How much of the browser's storage is in use. */
export async function storageUse(): Promise<StorageUse> {
  const { usage = 0, quota = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  return { usage, quota, available: (await openStore()) !== undefined };
}
