// Features of images: what is kept of them, or else out of the image encoder. Where images come from, and where their
// features are kept, is the caller's: files and a folder in Node, a picker's files and memory in a page.
import type { TileOptions } from '../../base/tile-options.ts';
import type { Observations } from '../../data/findings.ts';
import type { RgbImage } from '../../data/image.ts';
import { cropImage, type Tile } from '../../data/tiles.ts';
import type { Executable } from '../../graph/executor.ts';
import type { Features, ImageEncoder } from '../../model/clip/image-encoder.ts';
import type { FeaturePrecision } from '../settings.ts';
import { type FeatureEntry, storedPrecision } from './entry.ts';
import { fitting } from './fitting.ts';

export interface FeatureSource<Image = string> {
  /** Features of an image. Several at the same time; the encoder takes them one by one. @throws ImageError, GpuError */
  load(image: Image): Promise<FeatureEntry>;
  /**
   * Hands an image's features to `work`; they stay on the device where nobody keeps them, and are valid until `work`
   * is done. @throws ImageError, GpuError, what `work` throws
   */
  use<T>(image: Image, work: (image: UsedFeatures) => Promise<T>): Promise<T>;
  /**
   * Hands the features of an image's squares to `work`, one after the other, as `use` does; nobody keeps them.
   * @throws ImageError, GpuError, what `tilesIn` and `work` throw
   */
  useTiles(
    image: Image,
    tilesIn: (pixels: { readonly width: number; readonly height: number }) => readonly Tile[],
    work: (features: Features, tile: Tile) => Promise<void>,
  ): Promise<Omit<UsedFeatures, 'features'>>;
  /** How large images are to be looked at; absent: whole. */
  readonly tiles?: TileOptions | undefined;
  /** Images so far by where their features came from; `damaged` entries of the store were made again. */
  readonly counts: FeatureCounts;
  /** Told of what is odd about the images; masks may be told too. */
  readonly observed?: Observations | undefined;
  /** The image encoder, once it was needed. */
  readonly encoder: Executable | undefined;
  dispose(): void;
}

export interface FeatureCounts {
  readonly cached: number;
  readonly encoded: number;
  readonly damaged: number;
}

/** An image's features for one use. */
export type UsedFeatures = Omit<FeatureEntry, 'features'> & { readonly features: Features };

/** Images, and the features that are kept of them. */
export interface FeatureStore<Image> {
  /** What an image is called in messages. */
  name(image: Image): string;
  /** Hands over an image's pixels, while their memory is accounted for. @throws ImageError */
  open<T>(image: Image, use: (pixels: RgbImage) => Promise<T>): Promise<T>;
  /** Keeps features; absent: nothing is kept. */
  readonly kept?: {
    /** What is kept of an image, or else what `encode` makes of its pixels, which is kept from then on. @throws ImageError */
    obtain(
      image: Image,
      encode: (pixels: RgbImage) => Promise<FeatureEntry>,
    ): Promise<{ readonly entry: FeatureEntry; readonly made: boolean }>;
    /** Entries so far that were not whole. */
    readonly damaged: number;
  };
}

/** An image encoder, made when it is first used. */
export interface LentEncoder {
  /** One caller after the other; `work` is done with what it got when it returns. */
  use<T>(work: (encoder: ImageEncoder) => Promise<T>): Promise<T>;
  /** What is compiled; absent before the first use. */
  readonly executable?: Executable | undefined;
  dispose(): void;
}

const sizeOf = ({ width, height, usedBits }: RgbImage) => ({ width, height, usedBits });

/** @param precision to which features are rounded, kept or not: the first use sees the same bits as the next */
export function featuresOf<Image>(
  store: FeatureStore<Image>,
  encoder: LentEncoder,
  {
    precision,
    observed,
    tiles,
  }: {
    readonly precision: FeaturePrecision;
    readonly observed?: Observations | undefined;
    readonly tiles?: TileOptions | undefined;
  },
): FeatureSource<Image> {
  const { kept } = store;
  const counts = { cached: 0, encoded: 0 };
  const observe = <Seen extends Pick<FeatureEntry, 'usedBits'>>(image: Image, seen: Seen): Seen => {
    observed?.image(store.name(image), seen.usedBits);
    return seen;
  };
  const encode = (image: Image, pixels: RgbImage): Promise<FeatureEntry> =>
    encoder.use((lent) =>
      fitting(store.name(image), pixels, async () => ({
        features: storedPrecision(await lent.readPixels(pixels), precision),
        ...sizeOf(pixels),
      })),
    );
  const source: FeatureSource<Image> = {
    get counts() {
      return { ...counts, damaged: kept?.damaged ?? 0 };
    },
    observed,
    tiles,
    get encoder() {
      return encoder.executable;
    },
    async load(image) {
      const { entry, made } = kept
        ? await kept.obtain(image, (pixels) => encode(image, pixels))
        : { entry: await store.open(image, (pixels) => encode(image, pixels)), made: true };
      counts[made ? 'encoded' : 'cached'] += 1;
      return observe(image, entry);
    },
    async use(image, work) {
      if (kept || precision !== 'f32') return work(await source.load(image)); // they come by the host
      return store.open(image, (pixels) =>
        encoder.use((lent) =>
          fitting(store.name(image), pixels, async () => {
            const features = await lent.encodePixels(pixels);
            counts.encoded += 1;
            return work({ features, ...observe(image, sizeOf(pixels)) });
          }),
        ),
      );
    },
    useTiles: (image, tilesIn, work) =>
      store.open(image, async (pixels) => {
        for (const tile of tilesIn(pixels)) {
          const square = cropImage(pixels, tile);
          await encoder.use((lent) =>
            fitting(store.name(image), square, async () => work(await lent.encodePixels(square), tile)),
          );
        }
        counts.encoded += 1;
        return observe(image, sizeOf(pixels));
      }),
    dispose: () => encoder.dispose(),
  };
  return source;
}
