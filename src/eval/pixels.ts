import { createRankingBounds } from './bounds.ts';
import { type CurvePoint, createCurve } from './curves.ts';
import { mergedGroups, type TieGroups, type Totals, type Visit } from './groups.ts';
import { createHistogram, type Histogram, histogramGroups } from './histogram.ts';
import { scoreOfKey, sortKeys, sortKeysWithValues } from './keys.ts';
import { type PixelKeys, pixelKeys } from './pixel-keys.ts';
import { createMvtecPro, createProCurve, publishedPro, publishedThresholds } from './pro.ts';
import { createRanking } from './ranking.ts';

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
   * @param mask anomalous where > 0, row major, as large; null: no anomaly in the image
   * @param kind kind of its defect, for `result(kind)`
   * @throws MetricInputError naming `map` or `mask`; the image is then not counted
   */
  add(
    map: Float32Array,
    mask: Uint8Array | null,
    size: { readonly width: number; readonly height: number },
    kind?: string | null,
  ): void;
  /** The same for an image whose keys are known (see pixel-keys.ts), which it keeps. */
  addKeys(keys: PixelKeys, kind?: string | null): void;
  /**
   * Metrics of all images so far; with a kind, of the images of that kind and those without one. May be called again
   * after more images.
   */
  result(kind?: string): PixelMetricsResult;
  /** The same, and the curves, null where the metrics are. */
  withCurve(): { values: PixelMetricsResult; curve: CurvePoint[] | null };
};

export type PixelMetricsOptions = {
  /**
   * - `exact`: every score is kept and sorted; 4 bytes a pixel, 8 more while `result` sorts.
   * - `histogram`: scores are counted in buckets, whatever the number of pixels: for each kind of defect and
   *   for the normal images at most 384 MB, of which 0.8 MB for each power of two that scores span are used. The values are exact
   *   for scores rounded down by less than 2^-15 (3.1e-5) of themselves, and `bounds` says for each metric how far
   *   that can be from the exact value at most (typically 1e-5, and 1e-4 for `pro`).
   * - `auto` (default): exact until `exactPixels`, then histogram.
   */
  mode?: 'auto' | 'exact' | 'histogram';
  /** Pixels up to which `auto` is exact; default 2^26 = 67 million, 270 MB kept and 0.8 GB while sorting. */
  exactPixels?: number;
};

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

/**
 * All pixel metrics from one walk over the groups.
 * @param range of their scores
 * @param observe sees the groups too
 */
export function measure(
  groups: TieGroups,
  totals: Totals,
  range: { readonly lowest: number; readonly highest: number },
  observe?: Visit,
): Omit<PixelMetricsResult, 'pixels' | 'bounds'> & { bounds: PixelMetricValues } {
  const ranking = createRanking(totals);
  const rankingBounds = createRankingBounds(totals);
  const mvtec = createMvtecPro(totals);
  const curve = createProCurve(
    totals,
    publishedThresholds(range.lowest, range.highest) ?? new Float64Array(0),
  );
  groups((group) => {
    ranking.visit(group);
    rankingBounds.visit(group);
    mvtec.visit(group);
    curve.visit(group);
    observe?.(group);
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

/** The images of one kind of defect, or those without one. */
type Part = {
  kept: PixelKeys[];
  histogram: Histogram | null;
  totals: Totals;
  lowestKey: number;
  highestKey: number;
};

function addToPart(part: Part, keys: PixelKeys): void {
  for (const side of [keys.negatives, keys.positives]) {
    for (let i = 0; i < side.length; i++) {
      const key = side[i]!;
      if (key < part.lowestKey) part.lowestKey = key;
      if (key > part.highestKey) part.highestKey = key;
    }
  }
  part.totals.positives += keys.positives.length;
  part.totals.negatives += keys.negatives.length;
  part.totals.regions += keys.regions;
  part.kept.push(keys);
}

/** Moves what is kept into the histogram. */
function count(part: Part): void {
  part.histogram ??= createHistogram();
  for (const image of part.kept) part.histogram.add(image);
  part.kept = [];
}

/** Accumulates pixel metrics over a data set, image by image, in bounded memory; see `PixelMetricsOptions`. */
export function createPixelMetrics(options: PixelMetricsOptions = {}): PixelMetrics {
  const { mode = 'auto', exactPixels = 2 ** 26 } = options;
  const parts = new Map<string | null, Part>();
  let counting = mode === 'histogram';
  let pixelsSoFar = 0;

  const partOf = (kind: string | null): Part => {
    const part = parts.get(kind) ?? {
      kept: [],
      histogram: null,
      totals: { positives: 0, negatives: 0, regions: 0 },
      lowestKey: 0xffffffff,
      highestKey: 0,
    };
    parts.set(kind, part);
    return part;
  };
  const addKeys: PixelMetrics['addKeys'] = (keys, kind = null) => {
    const part = partOf(kind);
    addToPart(part, keys);
    pixelsSoFar += keys.positives.length + keys.negatives.length;
    if (counting) count(part);
    else if (mode === 'auto' && pixelsSoFar > exactPixels) {
      counting = true;
      for (const each of parts.values()) count(each);
    }
  };

  const compute = (
    kind: string | undefined,
    observe?: typeof createCurve,
  ): { values: PixelMetricsResult; curve: CurvePoint[] | null } => {
    const chosen = kind === undefined ? [...parts.values()] : [partOf(null), partOf(kind)];
    const sum = (value: (part: Part) => number) => chosen.reduce((total, part) => total + value(part), 0);
    const totals: Totals = {
      positives: sum((part) => part.totals.positives),
      negatives: sum((part) => part.totals.negatives),
      regions: sum((part) => part.totals.regions),
    };
    const pixels = totals.positives + totals.negatives;
    if (totals.positives === 0 || totals.negatives === 0) {
      return { values: { ...undefinedValues, threshold: null, pixels, bounds: null }, curve: null };
    }
    const lowestKey = Math.min(...chosen.map((part) => part.lowestKey));
    const highestKey = Math.max(...chosen.map((part) => part.highestKey));
    const histograms = chosen.flatMap(({ histogram }) => histogram ?? []);
    const groups = counting
      ? histogramGroups(histograms, lowestKey, highestKey)
      : sortedGroups(chosen.flatMap(({ kept }) => kept));
    const curve = observe?.(totals);
    const { bounds, ...values } = measure(
      groups,
      totals,
      { lowest: scoreOfKey(lowestKey), highest: scoreOfKey(highestKey) },
      curve?.visit,
    );
    return {
      values: { ...values, pixels, bounds: counting ? bounds : null },
      curve: curve?.result() ?? null,
    };
  };

  return {
    add: (map, mask, { width, height }, kind) => addKeys(pixelKeys(map, mask, width, height), kind),
    addKeys,
    result: (kind) => compute(kind).values,
    withCurve: () => compute(undefined, createCurve),
  };
}
