// A file from an address by way of the storage: what is there is not downloaded again.

import { WeightsError } from '../../formats/errors.ts';
import { drain } from '../../formats/http.ts';
import { formatBytes } from '../../gpu/errors.ts';
import type { Warning } from '../api.ts';
import type { Hasher, OpenedFile, OpenOptions } from '../environment.ts';
import { download, TooLongError, versionOf } from './download.ts';
import { DamagedError, type Entry, openStore, type Store, segmentBytes, storedBytes } from './store.ts';

/**
 * @returns undefined where the file cannot be stored; why is a warning
 * @throws UnreachableError, WeightsError for another hash than was asked for, or the signal's reason
 */
export async function openStored(
  url: string,
  hasher: () => Hasher,
  options: OpenOptions,
): Promise<OpenedFile | undefined> {
  const { sha256, signal, onWarning, onBytes } = options;
  const store = await openStore();
  if (!store) {
    onWarning({
      kind: 'storage-unavailable',
      message:
        'this browser gives the page no storage here (a private window?): the weights are read anew each time',
    });
    return undefined;
  }
  // Of several tabs one downloads, and the others find it done.
  return navigator.locks.request(
    `faprompt ${url}`,
    { signal: signal ?? new AbortController().signal },
    async () => {
      const entry = await store.find(url);
      if (entry?.sha256 !== undefined && (await current(entry, options)))
        return { source: store.source(entry), from: 'storage', sha256: entry.sha256 };
      try {
        const made = await fill(store, { url, before: resumable(entry) }, hasher, {
          ...options,
          onBytes: (done, total) => onBytes(url, done, total),
        });
        if (sha256 !== undefined && made.sha256 !== sha256) {
          await store.remove(url);
          throw new WeightsError({ file: url, expected: `sha256 ${sha256}`, found: made.sha256! });
        }
        return { source: store.source(made), from: 'network', sha256: made.sha256!, counted: true };
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof TooLongError) await store.remove(url);
        if (!(error instanceof DOMException)) throw error; // not the storage's
        await store.remove(url);
        onWarning(await storageWarning(url, error));
        return undefined;
      }
    },
  );
}

export async function removeDamaged(error: unknown, onWarning: OpenOptions['onWarning']): Promise<boolean> {
  if (!(error instanceof DamagedError)) return false;
  onWarning({ kind: 'storage-damaged', message: `${error.message}: removed from the browser's storage` });
  return (await (await openStore())?.remove(error.file)) ?? false;
}

/** Browsers do not always call it QuotaExceededError when a write finds no room. */
async function storageWarning(url: string, error: DOMException): Promise<Warning> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate().catch(() => ({}) as StorageEstimate);
  const consequence = 'the weights are read anew each time';
  if (error.name !== 'QuotaExceededError' && quota - usage > segmentBytes)
    return {
      kind: 'storage-unavailable',
      message: `the browser's storage failed for ${url} (${error.message}): ${consequence}`,
    };
  return {
    kind: 'storage-full',
    message: `no room in the browser's storage for ${url}: ${formatBytes(usage)} of ${formatBytes(quota)} are in use; ${consequence}`,
  };
}

/** Without a version nobody can tell whether the rest would be of the same file. */
const resumable = (entry: Entry | undefined): Entry | undefined =>
  entry && entry.sha256 === undefined && entry.version !== null ? entry : undefined;

/** Whether the server still has what is stored; yes, where it cannot be asked. */
async function current({ url, bytes, version, sha256 }: Entry, options: OpenOptions): Promise<boolean> {
  if (options.sha256 !== undefined) return options.sha256 === sha256;
  try {
    const response = await fetch(url, {
      headers: { ...options.headers, range: 'bytes=0-0' },
      cache: 'no-cache',
      signal: options.signal ?? null,
    });
    await drain(response);
    if (!response.ok) return true;
    const found = versionOf(response.headers);
    if (version !== null && found !== null) return version === found;
    const length = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
    return length === undefined || Number(length) === bytes;
  } catch {
    options.signal?.throwIfAborted();
    return true; // offline
  }
}

async function fill(
  store: Store,
  { url, before }: { readonly url: string; readonly before: Entry | undefined },
  hasher: () => Hasher,
  {
    headers,
    signal,
    onBytes,
  }: Pick<OpenOptions, 'headers' | 'signal'> & {
    onBytes(done: number, total: number): void;
  },
): Promise<Entry> {
  let entry: Entry | undefined = before;
  let hash = hasher();
  await download(
    url,
    {
      async begin(bytes, version) {
        if (entry && entry.bytes === bytes && entry.version === version) {
          const have = storedBytes(entry);
          try {
            const source = store.source(entry);
            for (let at = 0; at < have; at += segmentBytes)
              hash.update(await source.read(at, Math.min(segmentBytes, have - at)));
            return have;
          } catch {} // damaged: from the start
        }
        hash = hasher();
        await store.remove(url);
        const { usage = 0, quota = Number.POSITIVE_INFINITY } = await navigator.storage.estimate();
        if (bytes > quota - usage) throw new DOMException('no room', 'QuotaExceededError');
        entry = { url, bytes, version, segments: [], time: Date.now() };
        return 0;
      },
      async append(segment) {
        entry = await store.append(entry!, segment);
        hash.update(segment);
      },
    },
    before && { bytes: storedBytes(before), total: before.bytes || undefined, version: before.version },
    { headers, signal, onBytes, segmentBytes },
  );
  return store.complete(entry!, hash.digest());
}
