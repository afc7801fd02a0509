// Scores of images whose features are there at about the same time: in whole batches as many as were encoded together,
// others one by one, so that a scorer is compiled for two numbers of images and no more.
import { isTooLarge } from '../gpu/errors.ts';
import type { Features } from '../model/clip/image-encoder.ts';
import { ScoreError } from '../model/faprompt/verdict.ts';
import type { Detection, ScoredImage, Scorer } from '../model/scorer.ts';

/** `Scorer.score` for many callers at the same time. @throws ScoreError, GpuError */
export type Scoring = (features: Features, image: string) => Promise<Detection>;

interface Waiting extends ScoredImage {
  resolve(found: Detection | Promise<Detection>): void;
  reject(error: unknown): void;
}

/** @param batch images that are scored together where so many wait */
export function createScoring(scorer: Scorer, batch: number): Scoring {
  const { atOnce = 1, scoreTogether, togetherGains } = scorer;
  let whole = scoreTogether && togetherGains ? batch : 1;
  let running = 0;
  const waiting: Waiting[] = [];
  const alone = ({ features, image }: ScoredImage): Promise<Detection> => scorer.score(features, image);
  const together = async (images: readonly Waiting[]): Promise<void> => {
    if (images.length === 1) return images[0]!.resolve(await alone(images[0]!));
    let found: (Detection | ScoreError)[];
    try {
      found = await scoreTogether!(images);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      whole = 1; // the adapter has no room for more
      for (const each of images) await together([each]).catch(each.reject);
      return;
    }
    for (const [i, each] of images.entries()) {
      const own = found[i]!;
      if (own instanceof ScoreError) each.reject(own);
      else each.resolve(own);
    }
  };
  const begin = (): void => {
    while (running < atOnce && waiting.length > 0) {
      const images = waiting.splice(0, waiting.length < whole ? 1 : whole);
      running += 1;
      together(images)
        .catch((error: unknown) => {
          for (const { reject } of images) reject(error);
        })
        .finally(() => {
          running -= 1;
          begin();
        });
    }
  };
  return (features, image) =>
    new Promise((resolve, reject) => {
      waiting.push({ features, image, resolve, reject });
      // Features of a batch come one behind the other.
      if (waiting.length >= whole) begin();
      else setImmediate(begin);
    });
}
