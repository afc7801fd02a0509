// Image features from files: out of the cache on disk, or through the image encoder and then into it.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheFolder, writeFileAtomic } from '../../base/files.node.ts';
import { readRegular, streamRegular } from '../../base/open.node.ts';
import { createQueue } from '../../base/prefetch.ts';
import type { TileOptions } from '../../base/tile-options.ts';
import type { Observations } from '../../data/findings.ts';
import { withImage, withImageBytes } from '../../data/image.node.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import { createImageEncoder, type ImageEncoder } from '../../model/clip/image-encoder.ts';
import { featureShapes } from '../../model/clip/needs.ts';
import { createStaging, imageBatch } from '../../model/clip/staging.ts';
import type { Clip } from '../../model/clip/weights.ts';
import type { LentEncoder } from './collector.ts';
import { entryKey, type FeatureEntry, type FeatureSettings, readEntry, sha256, writeEntry } from './entry.ts';
import { type FeatureSource, type FeatureStore, featuresOf } from './source.ts';

export interface FeatureSourceOptions extends Omit<FeatureSettings, 'pixels'> {
  /** Images that are encoded together; default: what the adapter has room for. Features do not depend on it. */
  readonly imageBatch?: number | undefined;
  /** Folder of the cache; undefined: no cache. */
  readonly cache?: string | undefined;
  readonly onWarning?: (message: string) => void;
  readonly observed?: Observations;
  /** How large images are to be looked at; absent: whole. */
  readonly tiles?: TileOptions | undefined;
}

/** Features of an image are some MB. */
const maxEntryBytes = 256 * 2 ** 20;
/** More than any data set has. */
const maxRemembered = 200_000;

export const defaultCache = (): string => cacheFolder('features');

/** Features of image files, through the cache, if there is one. */
export function createFeatureSource(gpu: Gpu, clip: Clip, options: FeatureSourceOptions): FeatureSource {
  const { imageSize, needs, precision, observed, tiles } = options;
  const batch = options.imageBatch ?? imageBatch(gpu, clip, imageSize, needs);
  const staging = createStaging({ gpu, clip, size: imageSize, needs }, 2 * batch);
  const inTurn = createQueue();
  let encoder: ImageEncoder | undefined;
  const lent: LentEncoder = {
    batch,
    staging,
    use: (work) =>
      inTurn(async () => {
        encoder ??= await createImageEncoder(
          { gpu, clip, size: imageSize, needs },
          {
            batch,
            ready: 0,
            yielding: options.imageBatch === undefined,
          },
        );
        return work(encoder);
      }),
    get encoder() {
      return encoder;
    },
    dispose() {
      encoder?.dispose();
      staging.dispose();
    },
  };
  return featuresOf(imageFiles(clip, options), lent, { precision, observed, tiles });
}

/** Image files by their paths; the cache has an entry for every content. */
function imageFiles(clip: Clip, options: FeatureSourceOptions): FeatureStore<string> {
  const { imageSize, needs, precision, cache, onWarning } = options;
  const files: FeatureStore<string> = {
    name: (file) => file,
    open: (file, use) => withImageBytes(file, (bytes) => withImage(bytes, file, use)),
  };
  if (cache === undefined) return files;
  const shapes = featureShapes(needs, clip.config, imageSize);
  /** The entries of files, as long as they are the files that they were. */
  const entries = new Map<string, { readonly state: string; readonly entry: string }>();
  let damaged = 0;
  let writable = true;

  const read = async (entry: string): Promise<FeatureEntry | undefined> => {
    const bytes = await readRegular(entry, maxEntryBytes).catch(() => undefined);
    if (!bytes) return undefined;
    try {
      return await readEntry(bytes, entry, shapes);
    } catch {
      damaged += 1;
      return undefined;
    }
  };
  const entryOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => {
    const key = await entryKey(await sha256(bytes), { ...options, pixels: clip.config.pixels });
    return path.join(cache, key.slice(0, 2), `${key}.safetensors`);
  };
  const remember = (file: string, state: string, entry: string) => {
    entries.delete(file);
    entries.set(file, { state, entry });
    // A watched folder may bring files for months.
    if (entries.size > maxRemembered) entries.delete(entries.keys().next().value!);
  };
  const write = async (entry: string, made: FeatureEntry) => {
    if (!writable) return;
    try {
      await writeFileAtomic(entry, await writeEntry(made, shapes, precision));
    } catch (error) {
      writable = false; // a full disk costs time, not the run
      onWarning?.(`the feature cache cannot be written: ${(error as Error).message}`);
    }
  };
  return {
    ...files,
    kept: {
      get damaged() {
        return damaged;
      },
      async obtain(file, take) {
        const state = await stateOf(file);
        const known = entries.get(file);
        const same = known !== undefined && known.state === state;
        const kept = same ? await read(known.entry) : undefined;
        if (kept) return { entry: kept };
        return withImageBytes(file, async (bytes) => {
          const place = await entryOf(bytes);
          remember(file, state, place);
          const found = same && place === known.entry ? undefined : await read(place);
          if (found) return { entry: found };
          return { taken: await withImage(bytes, file, take), keep: (made) => write(place, made) };
        });
      },
    },
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
