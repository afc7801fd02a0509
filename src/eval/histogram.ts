import type { TieGroups } from './groups.ts';
import { scoreOfKey } from './keys.ts';
import type { PixelKeys } from './pixel-keys.ts';

/**
 * Bits of a score's key that name its bucket: sign, exponent and 15 of 23 mantissa bits, so a bucket's scores
 * differ by less than 2^-15 (3.1e-5) of themselves. 2^24 buckets of three float64 are 384 MB at most; memory is
 * resident only where scores are, 0.8 MB for each power of two that they span.
 */
const BUCKET_BITS = 24;
const SHIFT = 32 - BUCKET_BITS;
const LOW_BITS = (1 << SHIFT) - 1;

export type Histogram = {
  add(pixels: PixelKeys): void;
  /** Per bucket. */
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
  readonly coverage: Float64Array;
};

/** Counts and coverage per bucket of scores: constant memory, however many pixels. */
export function createHistogram(): Histogram {
  const positives = new Float64Array(2 ** BUCKET_BITS);
  const negatives = new Float64Array(2 ** BUCKET_BITS);
  const coverage = new Float64Array(2 ** BUCKET_BITS);
  return {
    positives,
    negatives,
    coverage,
    add(pixels) {
      for (let i = 0; i < pixels.negatives.length; i++) negatives[pixels.negatives[i]! >>> SHIFT]!++;
      for (let i = 0; i < pixels.positives.length; i++) {
        const bucket = pixels.positives[i]! >>> SHIFT;
        positives[bucket]!++;
        coverage[bucket]! += 1 / pixels.areas[i]!;
      }
    },
  };
}

/** The groups of all pixels of some histograms, one per bucket that holds any; all have keys between those given. */
export const histogramGroups =
  (histograms: readonly Histogram[], lowestKey: number, highestKey: number): TieGroups =>
  (visit) => {
    for (let bucket = highestKey >>> SHIFT; bucket >= lowestKey >>> SHIFT; bucket--) {
      let p = 0;
      let n = 0;
      let coverage = 0;
      for (const histogram of histograms) {
        p += histogram.positives[bucket]!;
        n += histogram.negatives[bucket]!;
        coverage += histogram.coverage[bucket]!;
      }
      if (p === 0 && n === 0) continue;
      const key = (bucket << SHIFT) >>> 0;
      visit({
        score: scoreOfKey(key),
        positives: p,
        negatives: n,
        coverage,
        highest: scoreOfKey(key + LOW_BITS),
      });
    }
  };
