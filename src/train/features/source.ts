// Features of images: what is kept of them, or else out of the image encoder. Where images come from, and where their
// features are kept, is the caller's: files and a folder in Node, a picker's files and memory in a page.
import type { TileOptions } from '../../base/tile-options.ts';
import type { Observations } from '../../data/findings.ts';
import type { RgbImage } from '../../data/image.ts';
import { cropImage, type Tile } from '../../data/tiles.ts';
import type { Executable } from '../../graph/executor.ts';
import type { Features, HostFeatures } from '../../model/clip/image-encoder.ts';
import type { FeaturePrecision } from '../settings.ts';
import { createCollector, type LentEncoder, type Ticket } from './collector.ts';
import { type FeatureEntry, storedPrecision } from './entry.ts';
import { withImageError } from './image-error.ts';

export interface FeatureSource<Image = string> {
  /** Features of an image. Several at the same time: they are encoded together. @throws ImageError, GpuError */
  load(image: Image): Promise<FeatureEntry>;
  /**
   * Hands an image's features to `work`; they stay on the device where nobody keeps them, and are valid until `work`
   * is done. @throws ImageError, GpuError, what `work` throws
   */
  use<T>(image: Image, work: (image: UsedFeatures) => Promise<T>): Promise<T>;
  /**
   * Hands the features of an image's squares to `work`, several at the same time, as `use` does; nobody keeps them.
   * @throws ImageError, GpuError, what `tilesIn` and `work` throw
   */
  useTiles(
    image: Image,
    tilesIn: (pixels: { readonly width: number; readonly height: number }) => readonly Tile[],
    work: (features: Features, tile: Tile) => Promise<void>,
  ): Promise<Omit<UsedFeatures, 'features'>>;
  /** Images to ask for at the same time, so that a batch is read and decoded while another is encoded. */
  readonly ahead: number;
  /** How large images are to be looked at; absent: whole. */
  readonly tiles?: TileOptions | undefined;
  /** Images so far by where their features came from; `damaged` entries of the store were made again. */
  readonly counts: FeatureCounts;
  /** Told of what is odd about the images; masks may be told too. */
  readonly observed?: Observations | undefined;
  /** The image encoder's graphs so far. */
  readonly graphs: readonly Executable[];
  /** Images that are encoded together. */
  readonly batch: number;
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
    /**
     * What is kept of an image, or else what `take` makes of its pixels, and how to keep its features.
     * @throws ImageError
     */
    obtain<T>(
      image: Image,
      take: (pixels: RgbImage) => Promise<T>,
    ): Promise<{ readonly entry: FeatureEntry } | Taken<T>>;
    /** Entries so far that were not whole. */
    readonly damaged: number;
  };
}

export interface Taken<T> {
  readonly taken: T;
  keep(entry: FeatureEntry): Promise<void>;
}

/** What is loaded at the same time at least. */
const fewestAhead = 4;

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
  const collector = createCollector(encoder);
  /** Announces an image to the encoder for as long as `work` takes. */
  const expecting = async <T>(read: boolean, work: (ticket: Ticket) => Promise<T>): Promise<T> => {
    const ticket = collector.expect(read);
    try {
      return await work(ticket);
    } finally {
      ticket.leave();
    }
  };
  const put = async (image: Image, ticket: Ticket, pixels: RgbImage) => {
    await withImageError(store.name(image), pixels, () => ticket.put(pixels));
    return sizeOf(pixels);
  };
  const source: FeatureSource<Image> = {
    get counts() {
      return { ...counts, damaged: kept?.damaged ?? 0 };
    },
    observed,
    get ahead() {
      return Math.max(fewestAhead, 2 * encoder.batch);
    },
    tiles,
    get graphs() {
      return encoder.encoder?.compiled ?? [];
    },
    get batch() {
      return encoder.batch;
    },
    load: (image) =>
      expecting(true, async (ticket) => {
        const take = (pixels: RgbImage) => put(image, ticket, pixels);
        const found = kept
          ? await kept.obtain(image, take)
          : { taken: await store.open(image, take), keep: async () => {} };
        if ('entry' in found) {
          counts.cached += 1;
          return observe(image, found.entry);
        }
        const features = await ticket.take(async (made) => storedPrecision(made as HostFeatures, precision));
        ticket.leave(); // the next batch need not wait for a disk
        const entry: FeatureEntry = { features, ...found.taken };
        await found.keep(entry);
        counts.encoded += 1;
        return observe(image, entry);
      }),
    async use(image, work) {
      if (kept || precision !== 'f32') return work(await source.load(image)); // they come by the host
      return expecting(false, async (ticket) => {
        const size = await store.open(image, (pixels) => put(image, ticket, pixels));
        return ticket.take((features) => {
          counts.encoded += 1;
          return work({ features, ...observe(image, size) });
        });
      });
    },
    useTiles: (image, tilesIn, work) =>
      expecting(false, async (own) => {
        const found: Promise<void>[] = [];
        try {
          const size = await store.open(image, async (pixels) => {
            const all = tilesIn(pixels).map((tile) => ({ tile, ticket: collector.expect(false) }));
            own.leave(); // the squares come in its place
            let next = 0;
            try {
              for (const { tile, ticket } of all) {
                await put(image, ticket, cropImage(pixels, tile));
                next += 1;
                const done = ticket.take((features) => work(features, tile)).finally(() => ticket.leave());
                done.catch(() => {}); // reported below
                found.push(done);
              }
            } finally {
              for (const { ticket } of all.slice(next)) ticket.leave();
            }
            return sizeOf(pixels);
          });
          await Promise.all(found);
          counts.encoded += 1;
          return observe(image, size);
        } finally {
          await Promise.allSettled(found);
        }
      }),
    dispose: () => encoder.dispose(),
  };
  return source;
}
