// Image features from files: out of the cache on disk, or through the image encoder and then into it.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheFolder, writeFileAtomic } from '../../base/files.node.ts';
import { readRegular, streamRegular } from '../../base/open.node.ts';
import { createQueue } from '../../base/prefetch.ts';
import { ImageError } from '../../data/errors.ts';
import type { Observations } from '../../data/findings.ts';
import { withImage, withImageBytes } from '../../data/image.node.ts';
import type { RgbImage, UsedBits } from '../../data/image.ts';
import { GpuError } from '../../gpu/errors.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import type { Executable } from '../../graph/executor.ts';
import { createImageEncoder, type Features, type ImageEncoder } from '../../model/clip/image-encoder.ts';
import { featureShapes } from '../../model/clip/needs.ts';
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
  /**
   * Hands an image's features to `work`; they stay on the device where nobody keeps them, and are valid until `work`
   * is done. @throws ImageError, GpuError, what `work` throws
   */
  use<T>(file: string, work: (image: UsedFeatures) => Promise<T>): Promise<T>;
  /** Images so far by where their features came from; `damaged` entries of the cache were made again. */
  readonly counts: { readonly cached: number; readonly encoded: number; readonly damaged: number };
  /** Told of what is odd about the images; masks may be told too. */
  readonly observed?: Observations | undefined;
  /** The image encoder, once it was needed. */
  readonly encoder: Executable | undefined;
  dispose(): void;
}

/** An image's features for one use. */
export type UsedFeatures = Omit<FeatureEntry, 'features'> & { readonly features: Features };

const sizeOf = ({ width, height, usedBits }: RgbImage) => ({ width, height, usedBits });

export interface FeatureSourceOptions extends FeatureSettings {
  /** Folder of the cache; undefined: no cache. */
  readonly cache?: string | undefined;
  readonly onWarning?: (message: string) => void;
  readonly observed?: Observations;
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
  /** The encoder takes images one by one; `work` must be done with what it got when it returns. */
  const encoding = <T>(
    image: RgbImage,
    file: string,
    work: (encoder: ImageEncoder) => Promise<T>,
  ): Promise<T> =>
    inTurn(async () => {
      encoder ??= await createImageEncoder(gpu, clip, imageSize, needs);
      return work(encoder).catch((error: unknown) => {
        if (error instanceof GpuError && (error.kind === 'limit-too-small' || error.kind === 'out-of-memory'))
          throw new ImageError(
            file,
            'an image that fits the adapter',
            `${image.width} x ${image.height}: ${error.message}`,
          );
        throw error;
      });
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

  /** What the cache has of a file, or else what `encode` makes of its image, and where that belongs. */
  const find = async (file: string, encode: (image: RgbImage) => Promise<FeatureEntry>) => {
    const state = await stateOf(file);
    const known = entries.get(file);
    const same = known !== undefined && known.state === state;
    const kept = same ? await fromCache(known.entry) : undefined;
    if (kept) return { kept };
    return withImageBytes(file, async (bytes) => {
      const entry = await entryOf(bytes);
      if (entry !== undefined) remember(file, state, entry);
      const found =
        entry === undefined || (same && entry === known.entry) ? undefined : await fromCache(entry);
      return found ? { kept: found } : { made: await withImage(bytes, file, encode), entry };
    });
  };

  const observe = <Seen extends { readonly usedBits?: UsedBits | undefined }>(
    file: string,
    seen: Seen,
  ): Seen => {
    options.observed?.image(file, seen.usedBits);
    return seen;
  };

  const source: FeatureSource = {
    counts,
    observed: options.observed,
    get encoder() {
      return encoder?.executable;
    },
    async load(file) {
      const found = await find(file, async (image) => ({
        features: storedPrecision(await encoding(image, file, (made) => made.readPixels(image)), precision),
        ...sizeOf(image),
      }));
      if (found.kept) {
        counts.cached += 1;
        return observe(file, found.kept);
      }
      counts.encoded += 1;
      if (found.entry !== undefined) await store(found.entry, found.made);
      return observe(file, found.made);
    },
    async use(file, work) {
      if (cache !== undefined || precision !== 'f32') return work(await source.load(file)); // they come by the host
      return withImageBytes(file, (bytes) =>
        withImage(bytes, file, (image) =>
          encoding(image, file, async (made) => {
            const features = await made.encodePixels(image);
            counts.encoded += 1;
            return work({ features, ...observe(file, sizeOf(image)) });
          }),
        ),
      );
    },
    dispose: () => encoder?.dispose(),
  };
  return source;
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
