// Opening files in a browser: addresses (through the storage), Blobs, bytes.
import { sha256 as hashOf } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { UnreachableError } from '../formats/errors.ts';
import { httpSource } from '../formats/http.ts';
import { type ByteSource, bytesSource } from '../formats/source.ts';
import type { ClipSource, FileSource } from './api.ts';
import type { Hasher, OpenedFile, OpenedFiles, OpenOptions } from './environment.ts';
import { attempts, download } from './storage/download.ts';
import { segmentBytes } from './storage/store.ts';
import { openStored } from './storage/stored.ts';

export function browserHasher(): Hasher {
  const hash = hashOf.create();
  return { update: (bytes) => void hash.update(bytes), digest: () => bytesToHex(hash.digest()) };
}

export async function openInBrowser(given: ClipSource, options: OpenOptions): Promise<OpenedFiles> {
  if (Array.isArray(given)) {
    const files = given as readonly File[];
    const [first] = files;
    if (!first) throw new RangeError('clip: expected at least one file, found an empty list');
    return {
      main: ofBlob(first),
      async beside(name) {
        const found = files.find((file) => file.name === name);
        return found && ofBlob(found);
      },
    };
  }
  const file = given as FileSource;
  if (typeof file !== 'string' && !(file instanceof URL)) {
    const main = file instanceof Blob ? ofBlob(file) : opened(bytesSource('bytes', file));
    return { main, beside: async () => undefined };
  }
  const url = String(file);
  const main = await openAddress(url, options);
  return {
    main,
    async beside(name) {
      if (!hasNeighbours(url)) return undefined;
      try {
        return await openAddress(new URL(name, url).href, { ...options, sha256: undefined });
      } catch (error) {
        // Not there; or nobody can tell, and what is needed was stored before.
        if (
          error instanceof UnreachableError &&
          (main.from === 'storage' || /status 40[34]/.test(error.found))
        )
          return undefined;
        throw error;
      }
    },
  };
}

/** Names under which tools keep a model whose configuration is in a file of its own: others are not asked for. */
const hasNeighbours = (url: string): boolean =>
  /(^|\/)(open_clip_)?(pytorch_)?model\.(safetensors|bin)(\.index\.json)?$/.test(new URL(url).pathname);

const opened = (source: ByteSource): OpenedFile => ({ source, from: 'file' });

const ofBlob = (blob: Blob): OpenedFile =>
  opened(blobSource('name' in blob ? String(blob.name) : 'file', blob));

const blobSource = (name: string, blob: Blob): ByteSource => ({
  name,
  size: blob.size,
  read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
});

async function openAddress(url: string, options: OpenOptions): Promise<OpenedFile> {
  const stored = options.cache ? await openStored(url, browserHasher, options) : undefined;
  if (stored) return stored;
  const { headers, signal, onBytes } = options;
  try {
    const source = await httpSource(url, {
      attempts: attempts(),
      ...(headers ? { headers } : {}),
      ...(signal ? { signal } : {}),
    });
    return { source, from: 'network' };
  } catch (error) {
    const withoutRanges = error instanceof UnreachableError && /^status 20[06]/.test(error.found);
    if (!withoutRanges) throw error;
  }
  // No ranges, or a server elsewhere that does not show them: all of it, where the browser keeps its Blobs.
  const parts: Blob[] = [];
  const segments = {
    begin: async () => parts.reduce((sum, { size }) => sum + size, 0),
    append: async (segment: Uint8Array<ArrayBuffer>) => void parts.push(new Blob([segment])),
  };
  await download(url, segments, undefined, {
    headers,
    signal,
    attempts: attempts(),
    segmentBytes,
    onBytes: (done, total) => onBytes(url, done, total),
  });
  return { source: blobSource(url, new Blob(parts)), from: 'network', counted: true };
}
