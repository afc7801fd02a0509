// Files and images in Node: paths and file: addresses beside http ones.
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ImageError } from '../data/errors.ts';
import { decodeImage, decodeMask, readImageBytes } from '../data/image.node.ts';
import { UnreachableError } from '../formats/errors.ts';
import { bodyParts, httpSource, reason } from '../formats/http.ts';
import { bytesSource } from '../formats/source.ts';
import { openPlace } from '../model/checkpoint/open.node.ts';
import type { ClipSource, FileSource } from './api.ts';
import type { Environment, OpenedFiles } from './environment.ts';
import { rgbToMask, toRgb } from './pixels.ts';
import type { PortableImage } from './portable.ts';

const isWeb = (address: string): boolean => /^https?:/.test(address);
const pathOf = (address: string): string => (address.startsWith('file:') ? fileURLToPath(address) : address);

export const nodeEnvironment: Environment = {
  async decodeImage(_gpu, image) {
    if ('data' in image) return toRgb(image);
    return decodeImage(await read(image), image.name);
  },
  async decodeMask(_gpu, mask, expected) {
    if ('data' in mask) return rgbToMask(toRgb(mask), 0, mask.name, expected);
    return decodeMask(await read(mask), mask.name, expected);
  },
  async open(given: ClipSource, { headers, signal }): Promise<OpenedFiles> {
    if (Array.isArray(given)) {
      const files = given as readonly File[];
      if (files.length === 0) throw new RangeError('clip: expected at least one file, found an empty list');
      const of = async (file: File) => ({
        source: bytesSource(file.name, new Uint8Array(await file.arrayBuffer())),
        from: 'file' as const,
      });
      return {
        main: await of(files[0]!),
        async beside(name) {
          const found = files.find((file) => file.name === name);
          return found && of(found);
        },
      };
    }
    const file = given as FileSource;
    const nothing = async () => undefined;
    if (file instanceof Uint8Array)
      return { main: { source: bytesSource('bytes', file), from: 'file' }, beside: nothing };
    if (file instanceof Blob) {
      const source = bytesSource('file', new Uint8Array(await file.arrayBuffer()));
      return { main: { source, from: 'file' }, beside: nothing };
    }
    const address = String(file);
    if (!isWeb(address)) {
      const place = await openPlace(pathOf(address));
      return {
        main: { source: place.source, from: 'file', close: place.close },
        async beside(name) {
          const found = await place.beside(name);
          return found && { source: found, from: 'file' };
        },
      };
    }
    const options = { ...(headers ? { headers } : {}), ...(signal ? { signal } : {}) };
    return {
      main: { source: await httpSource(address, options), from: 'network' },
      async beside(name) {
        try {
          return { source: await httpSource(new URL(name, address).href, options), from: 'network' };
        } catch (error) {
          if (error instanceof UnreachableError && /status 40[34]/.test(error.found)) return undefined;
          throw error;
        }
      },
    };
  },
  hasher() {
    const hash = createHash('sha256');
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
  },
};

/** As for files. */
const maxBytes = 2 ** 30;

async function readBody(response: Response, name: string): Promise<Uint8Array> {
  const parts = await bodyParts(response, maxBytes, () => {
    throw new ImageError(name, `a file of at most ${maxBytes} bytes`, 'more');
  });
  return new Uint8Array(Buffer.concat(parts));
}

async function read(image: PortableImage): Promise<Uint8Array> {
  if (!('file' in image)) throw new ImageError(image.name, 'a path, an address, bytes or pixels', 'a bitmap');
  const { file, name } = image;
  if (file instanceof Uint8Array) return file;
  if (file instanceof Blob) return new Uint8Array(await file.arrayBuffer());
  try {
    if (!isWeb(file)) return await readImageBytes(pathOf(file));
    const response = await fetch(file);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await readBody(response, name);
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    throw new ImageError(name, 'a readable file', reason(cause), {
      cause,
    });
  }
}
