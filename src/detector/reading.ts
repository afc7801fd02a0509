// Bytes on their way from a file to the device: counted, and hashed as they pass.

import { createQueue } from '../base/prefetch.ts';
import { type ByteSource, readExactly } from '../formats/source.ts';
import type { Progress } from './api.ts';
import type { Hasher, OpenedFile } from './environment.ts';

export interface ReadingCount {
  report(file: string, done: number, total: number, from: NonNullable<Progress['from']>): void;
}

/** One total over all files; what was reported never falls. */
export function countReading(progress: ((progress: Progress) => void) | undefined): ReadingCount {
  const files = new Map<string, { done: number; total: number }>();
  let most = 0;
  return {
    report(file, done, total, from) {
      files.set(file, { done: Math.max(done, files.get(file)?.done ?? 0), total });
      const sum = (part: 'done' | 'total') =>
        [...files.values()].reduce((all, found) => all + found[part], 0);
      most = Math.max(most, sum('done'));
      progress?.({ phase: 'read', done: most, total: Math.max(most, sum('total')), from });
    },
  };
}

/** A file being read; `finish` gives its sha256. */
export interface Reading {
  readonly source: ByteSource;
  /** Reads what nobody asked for, where the hash needs it. */
  finish(): Promise<string>;
}

/** Bytes that are read at a time to get over what nobody asks for. */
const stride = 4 * 2 ** 20;

/**
 * Hashes a file in its order as it is read: what is skipped is read too, so that every byte is read about once. Where
 * the hash is known, only counts.
 */
export function watchReading(opened: OpenedFile, hasher: () => Hasher, count: ReadingCount): Reading {
  const { source, sha256, from, counted } = opened;
  const { name, size } = source;
  const report = (end: number) => {
    if (!counted) count.report(name, end, size, from);
  };
  report(0);
  if (sha256 !== undefined) {
    return {
      source: {
        name,
        size,
        async read(offset, length) {
          const bytes = await source.read(offset, length);
          report(offset + length);
          return bytes;
        },
      },
      async finish() {
        report(size);
        return sha256;
      },
    };
  }

  const hash = hasher();
  let position = 0;
  const take = (bytes: Uint8Array, offset: number) => {
    const fresh = bytes.subarray(Math.max(0, position - offset));
    if (fresh.length === 0) return;
    hash.update(fresh);
    position += fresh.length;
    report(position);
  };
  const advance = async (end: number) => {
    while (position < end) {
      const at = position;
      take(await readExactly(source, at, Math.min(stride, end - at)), at);
    }
  };
  /** A directory at a file's end, or a few rows, are no reason to read all that lies before them. */
  const worthIt = (offset: number, length: number) => length >= 2 ** 16 || offset - position <= stride;
  const inTurn = createQueue(); // the hash has an order
  let digest: string | undefined;
  return {
    source: {
      name,
      size,
      read: (offset, length) =>
        inTurn(async () => {
          if (digest === undefined && worthIt(offset, length)) await advance(Math.min(offset, size));
          const bytes = await source.read(offset, length);
          if (offset <= position && position < size) take(bytes, offset);
          return bytes;
        }),
    },
    finish: () =>
      inTurn(async () => {
        await advance(size);
        digest ??= hash.digest();
        return digest;
      }),
  };
}
