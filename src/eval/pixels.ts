import { createRankingBounds } from './bounds.ts';
import { MetricInputError } from './errors.ts';
import { mergedGroups, type TieGroups, type Totals } from './groups.ts';
import { createHistogram, type Histogram, type PixelKeys } from './histogram.ts';
import { keyOfBits, scoreOfKey, sortKeys, sortKeysWithValues } from './keys.ts';
import { createMvtecPro, createProCurve, publishedPro, publishedThresholds } from './pro.ts';
import { createRanking } from './ranking.ts';
import { regionAreas } from './regions.ts';

/** Undefined metrics are null: all without a normal or without an anomalous pixel, `pro` also for constant maps. */
export type PixelMetricValues = {
  auroc: number | null;
  ap: number | null;
  maxF1: number | null;
  /** PRO as in the published code: 200 thresholds, FPR < 0.3 rescaled by the observed range. */
  pro: number | null;
  /** PRO as in MVTec AD: exact curve to FPR 0.3, divided by 0.3. */
  proMvtec: number | null;
  /** Intersection over union at the best threshold. */
  iou: number | null;
};

export type PixelMetricsResult = PixelMetricValues & {
  /** The threshold ("anomalous if score >= threshold") that gives `maxF1` and `iou`. */
  threshold: number | null;
  pixels: number;
  /** Largest possible error of each value; null if the values are exact (but for float64 rounding). */
  bounds: PixelMetricValues | null;
};

export type PixelMetrics = {
  /**
   * Adds one image.
   * @param map anomaly scores, row major, width * height, finite
   * @param mask anomalous where > 0, row major, same size; null: no anomaly in the image
   * @throws MetricInputError naming `map` or `mask`; the image is then not counted
   */
  add(map: Float32Array, mask: Uint8Array | null, width: number, height: number): void;
  /** Metrics of all images so far; may be called again after more images. */
  result(): PixelMetricsResult;
};

export type PixelMetricsOptions = {
  /**
   * - `exact`: every score is kept and sorted; 4 bytes a pixel, 8 more while `result` sorts.
   * - `histogram`: scores are counted in buckets, at most 384 MB whatever the number of pixels. The values are exact
   *   for scores rounded down by less than 2^-15 (3.1e-5) of themselves, and `bounds` says for each metric how far
   *   that can be from the exact value at most (typically 1e-5, and 1e-4 for `pro`).
   * - `auto` (default): exact until `exactPixels`, then histogram.
   */
  mode?: 'auto' | 'exact' | 'histogram';
  /** Pixels up to which `auto` is exact; default 2^26 = 67 million, 270 MB kept and 0.8 GB while sorting. */
  exactPixels?: number;
};

/** Checks one image and turns it into keys by label. */
function pixelKeys(
  map: Float32Array,
  mask: Uint8Array | null,
  width: number,
  height: number,
): { keys: PixelKeys; regions: number } {
  const size = width * height;
  if (map.length !== size) {
    throw new MetricInputError('map', `${width} x ${height} = ${size} scores`, `${map.length}`);
  }
  if (mask && mask.length !== size) {
    throw new MetricInputError('mask', `${width} x ${height} = ${size} pixels, as the map`, `${mask.length}`);
  }
  const bits = new Uint32Array(map.buffer, map.byteOffset, size);
  for (let i = 0; i < size; i++) {
    // All exponent bits set: infinite or NaN.
    if ((bits[i]! & 0x7f800000) === 0x7f800000) {
      throw new MetricInputError(`map[${i}]`, 'a finite score', `${map[i]}`);
    }
  }
  const none = new Uint32Array(0);
  const { areas, regions, pixels } = mask
    ? regionAreas(mask, width, height)
    : { areas: none, regions: 0, pixels: 0 };
  if (pixels === 0) {
    return { keys: { negatives: bits.map(keyOfBits), positives: none, areas: none }, regions: 0 };
  }
  const keys = {
    negatives: new Uint32Array(size - pixels),
    positives: new Uint32Array(pixels),
    areas: new Uint32Array(pixels),
  };
  let n = 0;
  let p = 0;
  for (let i = 0; i < size; i++) {
    const key = keyOfBits(bits[i]!);
    const area = areas[i]!;
    if (area === 0) keys.negatives[n++] = key;
    else {
      keys.positives[p] = key;
      keys.areas[p++] = area;
    }
  }
  return { keys, regions };
}

/** Tie groups of kept pixels, by sorting them. */
function sortedGroups(images: readonly PixelKeys[]): TieGroups {
  const negatives = sortKeys(images.map((image) => image.negatives));
  const positives = sortKeysWithValues(
    images.map((image) => image.positives),
    images.map((image) => image.areas),
  );
  return mergedGroups(positives.keys, negatives, positives.values, scoreOfKey);
}

const undefinedValues: PixelMetricValues = {
  auroc: null,
  ap: null,
  maxF1: null,
  pro: null,
  proMvtec: null,
  iou: null,
};

/** All pixel metrics from one walk over the groups. */
function measure(
  groups: TieGroups,
  totals: Totals,
  lowest: number,
  highest: number,
): Omit<PixelMetricsResult, 'pixels' | 'bounds'> & { bounds: PixelMetricValues } {
  const ranking = createRanking(totals);
  const rankingBounds = createRankingBounds(totals);
  const mvtec = createMvtecPro(totals);
  const curve = createProCurve(totals, publishedThresholds(lowest, highest) ?? new Float64Array(0));
  groups((score, p, n, coverage, high) => {
    ranking.visit(score, p, n, coverage, high);
    rankingBounds.visit(score, p, n, coverage, high);
    mvtec.visit(score, p, n, coverage, high);
    curve.visit(score, p, n, coverage, high);
  });
  const ranked = ranking.result();
  const pro = publishedPro(curve.result());
  const proMvtec = mvtec.result();
  return {
    ...ranked,
    pro: pro.value,
    proMvtec: proMvtec.value,
    bounds: { ...rankingBounds.result(ranked), pro: pro.bound, proMvtec: proMvtec.bound },
  };
}

/** Accumulates pixel metrics over a data set, image by image, in bounded memory; see `PixelMetricsOptions`. */
export function createPixelMetrics(options: PixelMetricsOptions = {}): PixelMetrics {
  const { mode = 'auto', exactPixels = 2 ** 26 } = options;
  let kept: PixelKeys[] = [];
  let histogram: Histogram | null = mode === 'histogram' ? createHistogram() : null;
  const totals: Totals = { positives: 0, negatives: 0, regions: 0 };
  let lowestKey = 0xffffffff;
  let highestKey = 0;

  return {
    add(map, mask, width, height) {
      const { keys, regions } = pixelKeys(map, mask, width, height);
      for (const side of [keys.negatives, keys.positives]) {
        for (let i = 0; i < side.length; i++) {
          const key = side[i]!;
          if (key < lowestKey) lowestKey = key;
          if (key > highestKey) highestKey = key;
        }
      }
      totals.positives += keys.positives.length;
      totals.negatives += keys.negatives.length;
      totals.regions += regions;
      kept.push(keys);
      if (mode === 'auto' && !histogram && totals.positives + totals.negatives > exactPixels) {
        histogram = createHistogram();
      }
      if (histogram) {
        for (const image of kept) histogram.add(image);
        kept = [];
      }
    },
    result() {
      const pixels = totals.positives + totals.negatives;
      if (totals.positives === 0 || totals.negatives === 0) {
        return { ...undefinedValues, threshold: null, pixels, bounds: null };
      }
      const groups = histogram ? histogram.groups(lowestKey, highestKey) : sortedGroups(kept);
      const { bounds, ...values } = measure(groups, totals, scoreOfKey(lowestKey), scoreOfKey(highestKey));
      return { ...values, pixels, bounds: histogram ? bounds : null };
    },
  };
}
