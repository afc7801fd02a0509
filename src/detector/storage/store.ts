/**
 * Weights in the origin private file system: each file in a folder of its own, as segments with their sha256 and an
 * entry.json that is replaced after each of them. A download that is cut goes on from the last whole segment, and a
 * model is read by ranges straight from the disk; the Cache API can do neither.
 */

import { WeightsError } from '../../formats/errors.ts';
import type { ByteSource } from '../../formats/source.ts';
import { sha256 } from '../../train/features/entry.ts';

export interface Entry {
  readonly url: string;
  /** 0: not known before it is complete. */
  readonly bytes: number;
  /** The server's ETag or Last-Modified; null: it gave none. */
  readonly version: string | null;
  readonly segments: readonly { readonly bytes: number; readonly sha256: string }[];
  /** Of the whole file; absent until it is complete. */
  readonly sha256?: string;
  readonly time: number;
}

/** Bytes of a segment. */
export const segmentBytes = 16 * 2 ** 20;

/** What was stored is not what was written. */
export class DamagedError extends WeightsError {}

const rootName = 'faprompt';

/** Bytes of a file that are there. */
export const storedBytes = ({ segments }: Entry): number =>
  segments.reduce((sum, segment) => sum + segment.bytes, 0);

export interface Store {
  list(): Promise<Entry[]>;
  find(url: string): Promise<Entry | undefined>;
  /** Stores the next segment of a file, and its entry. @throws DOMException 'QuotaExceededError' */
  append(entry: Entry, segment: Uint8Array<ArrayBuffer>): Promise<Entry>;
  /** Marks a file as complete. */
  complete(entry: Entry, sha256: string): Promise<Entry>;
  remove(url: string): Promise<boolean>;
  /** Reads a file; every segment is verified when it is first read. @throws DamagedError */
  source(entry: Entry): ByteSource;
}

/** @returns undefined where the browser has no such storage, or does not let this page use it */
export async function openStore(): Promise<Store | undefined> {
  let root: FileSystemDirectoryHandle;
  try {
    root = await (await navigator.storage.getDirectory()).getDirectoryHandle(rootName, { create: true });
  } catch {
    return undefined;
  }
  const folderName = async (url: string) => (await sha256(new TextEncoder().encode(url))).slice(0, 32);
  const folderOf = async (url: string, create = false) =>
    root.getDirectoryHandle(await folderName(url), { create });
  const write = async (
    folder: FileSystemDirectoryHandle,
    name: string,
    content: FileSystemWriteChunkType,
  ) => {
    const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
    try {
      await stream.write(content);
    } catch (error) {
      await stream.abort().catch(() => {});
      throw error;
    }
    await stream.close();
  };
  const readEntry = async (folder: FileSystemDirectoryHandle): Promise<Entry | undefined> => {
    try {
      const file = await (await folder.getFileHandle('entry.json')).getFile();
      return JSON.parse(await file.text()) as Entry;
    } catch {
      return undefined; // not there, or cut while it was written
    }
  };
  const save = async (entry: Entry) => {
    await write(await folderOf(entry.url, true), 'entry.json', JSON.stringify(entry));
    return entry;
  };

  return {
    async list() {
      const entries: Entry[] = [];
      for await (const handle of root.values()) {
        const entry = handle.kind === 'directory' ? await readEntry(handle) : undefined;
        if (entry) entries.push(entry);
      }
      return entries.sort((a, b) => a.time - b.time);
    },
    async find(url) {
      const folder = await folderOf(url).catch(() => undefined);
      return folder && readEntry(folder);
    },
    async append(entry, segment) {
      const { segments, url } = entry;
      await write(await folderOf(url, true), `${segments.length}`, segment);
      return save({
        ...entry,
        segments: [...segments, { bytes: segment.length, sha256: await sha256(segment) }],
        time: Date.now(),
      });
    },
    complete: (entry, hash) => save({ ...entry, bytes: storedBytes(entry), sha256: hash, time: Date.now() }),
    remove: async (url) =>
      root.removeEntry(await folderName(url), { recursive: true }).then(
        () => true,
        () => false,
      ),
    source: (entry) => segmentSource(entry, () => folderOf(entry.url)),
  };
}

function segmentSource(entry: Entry, folder: () => Promise<FileSystemDirectoryHandle>): ByteSource {
  const { url, bytes: size, segments } = entry;
  const damaged = (expected: string, found: string): never => {
    throw new DamagedError({ file: url, expected, found });
  };
  const verified = new Map<number, File>();
  let latest: { index: number; bytes: Uint8Array<ArrayBuffer> } | undefined;
  const segment = async (index: number): Promise<Uint8Array<ArrayBuffer> | File> => {
    if (latest?.index === index) return latest.bytes;
    const known = verified.get(index);
    if (known) return known;
    const { bytes: length, sha256: expected } = segments[index]!;
    const file = await (await (await folder()).getFileHandle(`${index}`)).getFile().catch(() => undefined);
    if (file?.size !== length)
      return damaged(`${length} bytes in segment ${index}`, `${file?.size ?? 'none'}`);
    const bytes = new Uint8Array(await file.arrayBuffer());
    const found = await sha256(bytes);
    if (found !== expected) return damaged(`sha256 ${expected} of segment ${index}`, found);
    verified.set(index, file);
    latest = { index, bytes };
    return bytes;
  };
  return {
    name: url,
    size,
    async read(offset, length) {
      const out = new Uint8Array(length);
      let start = 0;
      for (const [index, { bytes }] of segments.entries()) {
        const from = Math.max(offset, start);
        const to = Math.min(offset + length, start + bytes);
        if (from < to) {
          const found = await segment(index);
          const part = [from - start, to - start] as const;
          const piece =
            found instanceof Uint8Array
              ? found.subarray(...part)
              : new Uint8Array(await found.slice(...part).arrayBuffer());
          out.set(piece, from - offset);
        }
        start += bytes;
      }
      return out;
    },
  };
}
