// Image encoders of one model, by image size and needs: an encoder holds tens of megabytes for its activations.
import { createQueue } from '../base/prefetch.ts';
import type { ImageEncoder } from '../model/clip/image-encoder.ts';
import { type ImageNeeds, needsKey } from '../model/clip/needs.ts';

export interface EncoderCache {
  /** Images that an encoder takes together. */
  batch(size: number, needs: ImageNeeds): number;
  /** Runs `work` with an encoder, made if need be; callers take turns. */
  use<T>(size: number, needs: ImageNeeds, work: (encoder: ImageEncoder) => Promise<T>): Promise<T>;
  /** Makes the encoder of the prompts in use; it stays until the next call, which drops all others if it succeeds. */
  keep(size: number, needs: ImageNeeds): Promise<void>;
}

/** Holds two encoders at most: that of the prompts in use, and the last other one (a training's, at its own size). */
export function createEncoderCache(
  create: (size: number, needs: ImageNeeds) => Promise<ImageEncoder>,
  batch: (size: number, needs: ImageNeeds) => number,
): EncoderCache {
  const made = new Map<string, ImageEncoder>();
  const inTurn = createQueue(); // an encoder is dropped only while none runs
  let kept = '';
  const keyOf = (size: number, needs: ImageNeeds) => `${size} ${needsKey(needs)}`;
  const drop = (...but: string[]) => {
    for (const [key, encoder] of made) {
      if (but.includes(key)) continue;
      made.delete(key);
      encoder.dispose();
    }
  };
  const find = async (key: string, size: number, needs: ImageNeeds): Promise<ImageEncoder> => {
    const known = made.get(key);
    if (known) return known;
    drop(kept); // first: there may not be room for both
    const encoder = await create(size, needs);
    made.set(key, encoder);
    return encoder;
  };
  return {
    batch,
    use: (size, needs, work) => inTurn(async () => work(await find(keyOf(size, needs), size, needs))),
    keep: (size, needs) =>
      inTurn(async () => {
        const key = keyOf(size, needs);
        await find(key, size, needs);
        kept = key;
        drop(key);
      }),
  };
}
