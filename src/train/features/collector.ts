// Images on their way to the encoder, gathered into batches: a batch begins when it is full, or when nobody else is on
// the way. Images that arrive meanwhile wait preprocessed on the device, so that their pixels need not be kept.
import type { DeviceSlice } from '../../graph/device-tensor.ts';
import type { Features, ImageEncoder } from '../../model/clip/image-encoder.ts';
import type { Pixels } from '../../model/clip/preprocess.ts';
import type { Staging } from '../../model/clip/staging.ts';

/** An image encoder that several share, made when it is first used. */
export interface LentEncoder {
  /** Images that are encoded together. */
  readonly batch: number;
  /** Places for images that wait, 2 * `batch`. */
  readonly staging: Staging;
  /** One caller after the other; `work` is done with what it got when it returns. */
  use<T>(work: (encoder: ImageEncoder) => Promise<T>): Promise<T>;
  /** The encoder, once it was needed. */
  readonly encoder?: ImageEncoder | undefined;
  dispose(): void;
}

/** An image that may come: whoever has one hands it over or leaves. */
export interface Ticket {
  /** Takes the image in; its pixels are not needed any more then. @throws GpuError */
  put(pixels: Pixels): Promise<void>;
  /** Hands the image's features to `work`, which is done with them when it returns. @throws GpuError, what `work` throws */
  take<T>(work: (features: Features) => Promise<T>): Promise<T>;
  /** To be called at the end, whatever happened: others wait for it. */
  leave(): void;
}

export interface Collector {
  /** @param read whether the features are wanted on the host */
  expect(read: boolean): Ticket;
}

interface Member {
  readonly place: number;
  readonly slice: DeviceSlice;
  readonly read: boolean;
  resolve(features: Features): void;
  reject(error: unknown): void;
  /** Kept once the owner has left. */
  readonly left: Promise<void>;
}

/** Gathers the images of one size for an encoder; as many wait as its staging has places for. */
export function createCollector({ batch, staging, use }: LentEncoder): Collector {
  /** Announced, and neither here nor gone. */
  let expected = 0;
  let ready: Member[] = [];
  let running = false;
  const free = Array.from({ length: staging.places }, (_, place) => place);
  const waiting: ((place: number) => void)[] = [];

  const takePlace = async (): Promise<number> =>
    free.shift() ?? (await new Promise<number>((resolve) => waiting.push(resolve)));
  const givePlace = (place: number): void => {
    const next = waiting.shift();
    if (next) next(place);
    else free.push(place);
  };
  const check = (): void => {
    if (running || ready.length === 0 || (ready.length < batch && expected > 0)) return;
    running = true;
    const members = ready.slice(0, batch);
    encode(members).finally(() => {
      running = false;
      check();
    });
  };
  /** Encodes the first of `members`, and waits until everybody has left who got features. */
  const encode = (members: readonly Member[]): Promise<unknown> =>
    use(async (encoder) => {
      const slices = members.map(({ slice }) => slice);
      const features = await encoder.encodeStaged(
        slices,
        members.some(({ read }) => read),
      );
      const served = members.slice(0, features.length);
      remove(served);
      for (const [i, member] of served.entries()) member.resolve(features[i]!);
      await Promise.all(served.map(({ left }) => left));
    }).catch((error: unknown) => {
      remove(members);
      for (const member of members) member.reject(error);
    });
  const remove = (members: readonly Member[]): void => {
    const gone = new Set(members);
    for (const member of ready) if (gone.has(member)) givePlace(member.place);
    ready = ready.filter((member) => !gone.has(member));
  };

  return {
    expect(read) {
      expected += 1;
      let coming = true;
      const arrived = () => {
        if (coming) expected -= 1;
        coming = false;
      };
      let end: () => void;
      const left = new Promise<void>((resolve) => {
        end = resolve;
      });
      let features: Promise<Features> | undefined;
      return {
        async put(pixels) {
          const place = await takePlace();
          let slice: DeviceSlice;
          try {
            slice = await staging.put(pixels, place);
          } catch (error) {
            givePlace(place);
            throw error;
          }
          features = new Promise((resolve, reject) => {
            ready.push({ place, slice, read, resolve, reject, left });
          });
          features.catch(() => {}); // reported to whoever takes them
          arrived();
          check();
        },
        async take(work) {
          if (!features) throw new Error('an image was taken from the encoder that was not put there');
          return work(await features);
        },
        leave() {
          end();
          arrived();
          check();
        },
      };
    },
  };
}
