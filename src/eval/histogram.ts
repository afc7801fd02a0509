import type { TieGroups } from './groups.ts';
import { scoreOfKey } from './keys.ts';

/**
 * Bits of a score's key that name its bucket: sign, exponent and 15 of 23 mantissa bits, so a bucket's scores
 * differ by less than 2^-15 (3.1e-5) of themselves. 2^24 buckets of three float64 are 384 MB at most; memory is
 * resident only where scores are, 0.8 MB for each power of two that they span.
 */
const BUCKET_BITS = 24;
const SHIFT = 32 - BUCKET_BITS;
const LOW_BITS = (1 << SHIFT) - 1;

/** One image's pixels by label: keys (see keys.ts) and, for each positive, the area of its region. */
export type PixelKeys = { negatives: Uint32Array; positives: Uint32Array; areas: Uint32Array };

export type Histogram = {
  add(pixels: PixelKeys): void;
  /** The groups, one per bucket that holds a pixel, of which all have keys between the two given. */
  groups(lowestKey: number, highestKey: number): TieGroups;
};

/** Counts and coverage per bucket of scores: constant memory, however many pixels. */
export function createHistogram(): Histogram {
  const positives = new Float64Array(2 ** BUCKET_BITS);
  const negatives = new Float64Array(2 ** BUCKET_BITS);
  const coverage = new Float64Array(2 ** BUCKET_BITS);
  return {
    add(pixels) {
      for (let i = 0; i < pixels.negatives.length; i++) negatives[pixels.negatives[i]! >>> SHIFT]!++;
      for (let i = 0; i < pixels.positives.length; i++) {
        const bucket = pixels.positives[i]! >>> SHIFT;
        positives[bucket]!++;
        coverage[bucket]! += 1 / pixels.areas[i]!;
      }
    },
    groups: (lowestKey, highestKey) => (visit) => {
      for (let bucket = highestKey >>> SHIFT; bucket >= lowestKey >>> SHIFT; bucket--) {
        const p = positives[bucket]!;
        const n = negatives[bucket]!;
        if (p === 0 && n === 0) continue;
        const key = (bucket << SHIFT) >>> 0;
        visit(scoreOfKey(key), p, n, coverage[bucket]!, scoreOfKey(key + LOW_BITS));
      }
    },
  };
}
