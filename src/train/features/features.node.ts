// Image features from files: out of the cache on disk, or through the image encoder and then into it.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheFolder, writeFileAtomic } from '../../base/files.node.ts';
import { readRegular, streamRegular } from '../../base/open.node.ts';
import { createQueue } from '../../base/prefetch.ts';
import { ImageError } from '../../data/errors.ts';
import { withImage, withImageBytes } from '../../data/image.node.ts';
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

/** Features of an image are some MB. */
const maxEntryBytes = 256 * 2 ** 20;
/** More than any data set has. */
const maxRemembered = 200_000;

export const defaultCache = (): string => cacheFolder('features');

export function createFeatureSource(gpu: Gpu, clip: Clip, options: FeatureSourceOptions): FeatureSource {
  const { imageSize, needs, precision, cache, onWarning } = options;
  const shapes = featureShapes(needs, clip.config, imageSize);
  const counts = { cached: 0, encoded: 0, damaged: 0 };
  /** The entries of files, as long as they are the files that they were. */
  const entries = new Map<string, { readonly state: string; readonly entry: string }>();
  const inTurn = createQueue();
  let encoder: ImageEncoder | undefined;
  let writable = true;

  const fromCache = async (entry: string): Promise<FeatureEntry | undefined> => {
    const bytes = await readRegular(entry, maxEntryBytes).catch(() => undefined);
    if (!bytes) return undefined;
    try {
      return await readEntry(bytes, entry, shapes);
    } catch {
      counts.damaged += 1;
      return undefined;
    }
  };
  const entryOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> => {
    if (cache === undefined) return undefined;
    const key = await entryKey(await sha256(bytes), options);
    return path.join(cache, key.slice(0, 2), `${key}.safetensors`);
  };
  const remember = (file: string, state: string, entry: string) => {
    entries.delete(file);
    entries.set(file, { state, entry });
    // A watched folder may bring files for months.
    if (entries.size > maxRemembered) entries.delete(entries.keys().next().value!);
  };
  const preprocess = async (image: RgbImage, file: string) => {
    const pixels = await preprocessImage(gpu, image, imageSize, needs.filter).catch((error: unknown) => {
      if (error instanceof GpuError && (error.kind === 'limit-too-small' || error.kind === 'out-of-memory'))
        throw new ImageError(
          file,
          'an image that fits the adapter',
          `${image.width} x ${image.height}: ${error.message}`,
        );
      throw error;
    });
    const { data: _, ...rest } = image;
    return { pixels, ...rest };
  };
  const encode = ({ pixels, width, height, usedBits }: Awaited<ReturnType<typeof preprocess>>) =>
    inTurn(async (): Promise<FeatureEntry> => {
      encoder ??= await createImageEncoder(gpu, clip, imageSize, needs);
      const [features] = await encoder.encode([pixels]);
      return { features: storedPrecision(features!, precision), width, height, usedBits };
    });
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
      const state = await stateOf(file);
      const known = entries.get(file);
      const same = known !== undefined && known.state === state;
      const kept = same ? await fromCache(known.entry) : undefined;
      if (kept) {
        counts.cached += 1;
        return kept;
      }
      const read = await withImageBytes(file, async (bytes) => {
        const entry = await entryOf(bytes);
        if (entry !== undefined) remember(file, state, entry);
        const found =
          entry === undefined || (same && entry === known.entry) ? undefined : await fromCache(entry);
        return found
          ? { found, entry, input: undefined }
          : { found, entry, input: await withImage(bytes, file, (image) => preprocess(image, file)) };
      });
      if (read.found) {
        counts.cached += 1;
        return read.found;
      }
      const made = await encode(read.input);
      counts.encoded += 1;
      if (read.entry !== undefined) await store(read.entry, made);
      return made;
    },
    dispose: () => encoder?.dispose(),
  };
}

/** What changes when a file is written anew under its name. */
const stateOf = (file: string): Promise<string> =>
  stat(file).then(
    ({ size, mtimeMs, ino }) => `${size} ${mtimeMs} ${ino}`,
    () => '', // reading it will say why
  );

/** sha256 of a file in hexadecimal, read piece by piece. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(await streamRegular(file), hash);
  return hash.digest('hex');
}
