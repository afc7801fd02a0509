// Image features from files: out of the cache on disk, or through the image encoder and then into it.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheFolder, writeFileAtomic } from '../../base/files.node.ts';
import { createQueue } from '../../base/prefetch.ts';
import { ImageError } from '../../data/errors.ts';
import { decodeImage } from '../../data/image.node.ts';
import type { RgbImage } from '../../data/image.ts';
import { GpuError } from '../../gpu/errors.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import type { Executable } from '../../graph/executor.ts';
import { createImageEncoder, type ImageEncoder } from '../../model/clip/image-encoder.ts';
import { featureShapes } from '../../model/clip/needs.ts';
import { preprocessImage } from '../../model/clip/preprocess.ts';
import type { Clip } from '../../model/clip/weights.ts';
import {
  entryKey,
  type FeatureEntry,
  type FeatureSettings,
  readEntry,
  sha256,
  storedPrecision,
  writeEntry,
} from './entry.ts';

export interface FeatureSource {
  /** Features of an image file. Several at the same time; the encoder takes them one by one. @throws ImageError, GpuError */
  load(file: string): Promise<FeatureEntry>;
  /** Images so far by where their features came from; `damaged` entries of the cache were made again. */
  readonly counts: { readonly cached: number; readonly encoded: number; readonly damaged: number };
  /** The image encoder, once it was needed. */
  readonly encoder: Executable | undefined;
  dispose(): void;
}

export interface FeatureSourceOptions extends FeatureSettings {
  /** Folder of the cache; undefined: no cache. */
  readonly cache?: string | undefined;
  readonly onWarning?: (message: string) => void;
}

export const defaultCache = (): string => cacheFolder('features');

export function createFeatureSource(gpu: Gpu, clip: Clip, options: FeatureSourceOptions): FeatureSource {
  const { imageSize, needs, precision, cache, onWarning } = options;
  const shapes = featureShapes(needs, clip.config, imageSize);
  const counts = { cached: 0, encoded: 0, damaged: 0 };
  const keys = new Map<string, string>();
  const inTurn = createQueue();
  let encoder: ImageEncoder | undefined;
  let writable = true;

  const fromCache = async (entry: string): Promise<FeatureEntry | undefined> => {
    const bytes = await readFile(entry).catch(() => undefined);
    if (!bytes) return undefined;
    try {
      return await readEntry(bytes, entry, shapes);
    } catch {
      counts.damaged += 1;
      return undefined;
    }
  };
  const encode = async (image: RgbImage, file: string): Promise<FeatureEntry> => {
    const pixels = await preprocessImage(gpu, image, imageSize, needs.filter).catch((error: unknown) => {
      if (error instanceof GpuError && (error.kind === 'limit-too-small' || error.kind === 'out-of-memory'))
        throw new ImageError(
          file,
          'an image that fits the adapter',
          `${image.width} x ${image.height}: ${error.message}`,
        );
      throw error;
    });
    const [features] = await inTurn(async () => {
      encoder ??= await createImageEncoder(gpu, clip, imageSize, needs);
      return encoder.encode([pixels]);
    });
    const { width, height, usedBits } = image;
    return { features: storedPrecision(features!, precision), width, height, usedBits };
  };
  const store = async (entry: string, made: FeatureEntry) => {
    if (!writable) return;
    try {
      await writeFileAtomic(entry, await writeEntry(made, shapes, precision));
    } catch (error) {
      writable = false; // a full disk costs time, not the run
      onWarning?.(`the feature cache cannot be written: ${(error as Error).message}`);
    }
  };

  return {
    counts,
    get encoder() {
      return encoder?.executable;
    },
    async load(file) {
      let bytes: Uint8Array<ArrayBuffer> | undefined;
      const read = async () => {
        bytes ??= await readFile(file).catch((error: NodeJS.ErrnoException) => {
          throw new ImageError(file, 'a readable file', error.code ?? error.message, { cause: error });
        });
        return bytes;
      };
      let entry: string | undefined;
      if (cache !== undefined) {
        const key = keys.get(file) ?? (await entryKey(await sha256(await read()), options));
        keys.set(file, key);
        entry = path.join(cache, key.slice(0, 2), `${key}.safetensors`);
        const found = await fromCache(entry);
        if (found) {
          counts.cached += 1;
          return found;
        }
      }
      const made = await encode(await decodeImage(await read(), file), file);
      counts.encoded += 1;
      if (entry !== undefined) await store(entry, made);
      return made;
    },
    dispose: () => encoder?.dispose(),
  };
}

/** sha256 of a file in hexadecimal, read piece by piece. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
