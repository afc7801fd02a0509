/**
 * Confidence intervals by the bootstrap: images are drawn anew with replacement, normal and anomalous ones apart (so
 * that every replicate has as many of each), and the metrics of each replicate are computed.
 */
import { createRandom, deriveSeed } from '../base/random.ts';
import type { TieGroups } from './groups.ts';
import { scoreOfKey } from './keys.ts';
import type { PixelKeys } from './pixel-keys.ts';
import { measure, type PixelMetricValues } from './pixels.ts';
import { createRanking, type Ranking } from './ranking.ts';

export type BootstrapOptions = {
  /** Default 1000. */
  replicates?: number;
  /** Share of replicates inside an interval; default 0.95. */
  confidence?: number;
  /** The same seed gives the same intervals; default 0. */
  seed?: number;
};

export type Interval = { low: number; high: number };

/** Metrics of one replicate, undefined ones null. */
export type Replicate = { image: Ranking | null; pixel: PixelMetricValues | null };

/** All replicates, and the metrics of the images as they are, computed in the same way. */
export type Replicates = { all: Replicate; drawn: Replicate[] };

export type Bootstrap = {
  /** Adds an image; `pixels` null where its map or mask is not known. */
  add(anomalous: boolean, score: number, pixels: PixelKeys | null, kind?: string | null): void;
  /** @param kind only the images of this kind and those without one */
  run(options: BootstrapOptions, kind?: string): Replicates;
};

/**
 * Bits of a pixel score's key that name its bucket here: 7 of 23 mantissa bits, so scores of a bucket differ by less
 * than 0.8%. An image then needs some 10 kB, and a replicate adds up counts instead of sorting pixels. An interval's
 * place is corrected for it, see `interval`.
 */
const SHIFT = 16;
const BUCKETS = 2 ** (32 - SHIFT);

/** One image's pixels as counts of the buckets that it has any in. */
type Buckets = {
  index: Uint16Array;
  negatives: Uint32Array;
  positives: Uint32Array;
  coverage: Float64Array;
  regions: number;
};

type Image = { anomalous: boolean; score: number; kind: string | null; buckets: Buckets | null };

/** Counts per bucket, emptied by `take`. */
function createCounts() {
  const negatives = new Float64Array(BUCKETS);
  const positives = new Float64Array(BUCKETS);
  const coverage = new Float64Array(BUCKETS);
  return { negatives, positives, coverage };
}
type Counts = ReturnType<typeof createCounts>;

function clear({ negatives, positives, coverage }: Counts): void {
  for (const column of [negatives, positives, coverage]) column.fill(0);
}

function toBuckets(pixels: PixelKeys, counts: Counts): Buckets {
  clear(counts);
  for (const key of pixels.negatives) counts.negatives[key >>> SHIFT]!++;
  pixels.positives.forEach((key, i) => {
    counts.positives[key >>> SHIFT]!++;
    counts.coverage[key >>> SHIFT]! += 1 / pixels.areas[i]!;
  });
  const used: number[] = [];
  for (let b = 0; b < BUCKETS; b++) if (counts.negatives[b]! + counts.positives[b]! > 0) used.push(b);
  return {
    index: Uint16Array.from(used),
    negatives: Uint32Array.from(used, (b) => counts.negatives[b]!),
    positives: Uint32Array.from(used, (b) => counts.positives[b]!),
    coverage: Float64Array.from(used, (b) => counts.coverage[b]!),
    regions: pixels.regions,
  };
}

/** Image metrics of images that count `weights` times; `order`: from the highest score to the lowest. */
function imageMetrics(
  images: readonly Image[],
  order: readonly number[],
  weights: Uint32Array,
): Ranking | null {
  const totals = { positives: 0, negatives: 0, regions: 0 };
  images.forEach(({ anomalous }, i) => {
    totals[anomalous ? 'positives' : 'negatives'] += weights[i]!;
  });
  if (totals.positives === 0 || totals.negatives === 0) return null;
  const ranking = createRanking(totals);
  for (let i = 0; i < order.length; ) {
    const { score } = images[order[i]!]!;
    let p = 0;
    let n = 0;
    for (; i < order.length && images[order[i]!]!.score === score; i++) {
      if (images[order[i]!]!.anomalous) p += weights[order[i]!]!;
      else n += weights[order[i]!]!;
    }
    if (p + n > 0) ranking.visit({ score, positives: p, negatives: n, coverage: 0, highest: score });
  }
  return ranking.result();
}

function pixelMetrics(
  images: readonly Image[],
  weights: Uint32Array,
  counts: Counts,
): PixelMetricValues | null {
  clear(counts);
  const totals = { positives: 0, negatives: 0, regions: 0 };
  images.forEach(({ buckets }, image) => {
    const weight = weights[image]!;
    if (weight === 0 || !buckets) return;
    totals.regions += weight * buckets.regions;
    for (let i = 0; i < buckets.index.length; i++) {
      const b = buckets.index[i]!;
      const n = weight * buckets.negatives[i]!;
      const p = weight * buckets.positives[i]!;
      counts.negatives[b]! += n;
      counts.positives[b]! += p;
      counts.coverage[b]! += weight * buckets.coverage[i]!;
      totals.negatives += n;
      totals.positives += p;
    }
  });
  if (totals.positives === 0 || totals.negatives === 0) return null;
  const filled = (b: number) => counts.negatives[b]! + counts.positives[b]! > 0;
  let low = 0;
  let high = BUCKETS - 1;
  while (!filled(low)) low++;
  while (!filled(high)) high--;
  const scoreOf = (b: number) => scoreOfKey((b << SHIFT) >>> 0);
  const groups: TieGroups = (visit) => {
    for (let b = high; b >= low; b--) {
      if (!filled(b)) continue;
      const score = scoreOf(b);
      visit({
        score,
        positives: counts.positives[b]!,
        negatives: counts.negatives[b]!,
        coverage: counts.coverage[b]!,
        highest: score,
      });
    }
  };
  return measure(groups, totals, { lowest: scoreOf(low), highest: scoreOf(high) });
}

/** Collects images and draws replicates of them. */
export function createBootstrap(): Bootstrap {
  const images: Image[] = [];
  const counts = createCounts();
  return {
    add(anomalous, score, pixels, kind = null) {
      images.push({ anomalous, score, kind, buckets: pixels && toBuckets(pixels, counts) });
    },
    run({ replicates = 1000, seed = 0 }, kind) {
      const chosen =
        kind === undefined ? images : images.filter((image) => image.kind === null || image.kind === kind);
      const order = chosen.map((_, i) => i).sort((a, b) => chosen[b]!.score - chosen[a]!.score);
      const withPixels = chosen.some(({ buckets }) => buckets);
      const metrics = (weights: Uint32Array): Replicate => ({
        image: imageMetrics(chosen, order, weights),
        pixel: withPixels ? pixelMetrics(chosen, weights, counts) : null,
      });
      const strata = [false, true].map((label) =>
        chosen.flatMap(({ anomalous }, i) => (anomalous === label ? [i] : [])),
      );
      const random = createRandom(deriveSeed(seed, 'bootstrap', kind ?? ''));
      const drawn = Array.from({ length: replicates }, () => {
        const weights = new Uint32Array(chosen.length);
        for (const stratum of strata) for (const _ of stratum) weights[random.pick(stratum)]!++;
        return metrics(weights);
      });
      return { all: metrics(new Uint32Array(chosen.length).fill(1)), drawn };
    },
  };
}

/** Value of `q` in [0, 1] of ascending values, linearly between two of them. */
function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}

/**
 * The percentile interval of a metric in [0, 1].
 * @param drawn its value in each replicate, undefined ones left out
 * @param all its value of all images computed as in the replicates; the interval is moved by `exact - all`
 * @returns null if fewer than two replicates have it
 */
export function interval(
  drawn: readonly number[],
  all: number,
  exact: number,
  confidence = 0.95,
): Interval | null {
  if (drawn.length < 2) return null;
  const sorted = Float64Array.from(drawn).sort();
  const tail = (1 - confidence) / 2;
  const at = (q: number): number => Math.min(1, Math.max(0, quantile(sorted, q) + exact - all));
  return { low: at(tail), high: at(1 - tail) };
}
