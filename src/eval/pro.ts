/**
 * Per-region overlap (PRO): the mean, over connected anomalous regions, of the share of a region that is found,
 * as a function of the false-positive rate (FPR) over normal pixels; its area up to FPR 0.3.
 */
import type { Totals, Visit } from './groups.ts';

/** The curve is read up to this false-positive rate. */
export const FPR_LIMIT = 0.3;

/**
 * The thresholds of the published procedure, `numpy.arange(lo, hi, (hi - lo) / steps)` with float32 `lo`, `hi`, as
 * NumPy 1 computes them, with which the published code runs: the range is float32, the step float64, and a threshold
 * is rounded to float32 when a map is compared with it. (NumPy 2 rounds the step and not the thresholds.) There may be
 * steps + 1 of them.
 * @returns null where lo equals hi
 */
export function publishedThresholds(lo: number, hi: number, steps = 200): Float64Array | null {
  const range = Math.fround(hi - lo);
  const step = range / steps;
  if (!(step > 0) || !Number.isFinite(range)) return null;
  const delta = lo + step - lo;
  return Float64Array.from({ length: Math.ceil(range / step) }, (_, i) => Math.fround(lo + i * delta));
}

/** PRO curve at given thresholds; the slacks say by how much a bucketed curve may be too low at a point. */
export type ProCurve = {
  fpr: Float64Array;
  overlap: Float64Array;
  fprSlack: Float64Array;
  overlapSlack: Float64Array;
};

/** Reads the PRO curve (strictly above each of the ascending `thresholds`) off the tie groups. */
export function createProCurve(
  totals: Totals,
  thresholds: Float64Array,
): { visit: Visit; result(): ProCurve } {
  const column = () => new Float64Array(thresholds.length);
  const curve = { fpr: column(), overlap: column(), fprSlack: column(), overlapSlack: column() };
  const sum = { next: thresholds.length - 1, fp: 0, coverage: 0 };
  return {
    visit({ score, negatives, coverage, highest }) {
      while (sum.next >= 0 && score <= thresholds[sum.next]!) {
        const i = sum.next--;
        curve.fpr[i] = sum.fp / totals.negatives;
        curve.overlap[i] = sum.coverage / totals.regions;
        if (highest > thresholds[i]!) {
          curve.fprSlack[i] = negatives / totals.negatives;
          curve.overlapSlack[i] = coverage / totals.regions;
        }
      }
      sum.fp += negatives;
      sum.coverage += coverage;
    },
    result: () => curve,
  };
}

/** Trapezoids over the points from `first` on, the FPR axis rescaled to the range seen; null where it is empty. */
function rescaledArea({ fpr, overlap }: ProCurve, first: number): number | null {
  const last = fpr.length - 1;
  const range = first <= last ? fpr[first]! - fpr[last]! : 0;
  if (!(range > 0)) return null;
  let area = 0;
  for (let i = first; i < last; i++) {
    area += (fpr[i]! - fpr[i + 1]!) * (overlap[i]! + overlap[i + 1]!);
  }
  return area / 2 / range;
}

/**
 * PRO of the published code: points with FPR < 0.3, their FPR rescaled to [0, 1] by the observed range.
 * @returns `value`: null where fewer than two such FPRs differ; `bound`: the largest possible |value - exact value|,
 *   0 for a curve without slack
 */
export function publishedPro(curve: ProCurve): { value: number | null; bound: number | null } {
  const { fpr, fprSlack, overlapSlack } = curve;
  const points = fpr.length;
  let first = 0;
  while (first < points && fpr[first]! >= FPR_LIMIT) first++;
  const value = rescaledArea(curve, first);
  if (value === null) return { value: null, bound: null };
  // Slack may keep further points out of the cut: take the worst over every cut that the true curve may have.
  let bound = 0;
  for (let cut = first; ; cut++) {
    bound = Math.max(bound, cutBound(curve, cut, value));
    if (bound >= 1 || cut === points || fpr[cut]! + fprSlack[cut]! < FPR_LIMIT) break;
  }
  return { value, bound: fprSlack.some(Boolean) || overlapSlack.some(Boolean) ? Math.min(bound, 1) : 0 };
}

/**
 * |value - exact| if the true curve is cut at `cut`. With N the area before division by the range X, moving
 * every overlap by up to e changes N by e X; moving every FPR of a monotone curve by up to d changes N by 2 d and
 * X by d.
 */
function cutBound(curve: ProCurve, cut: number, value: number): number {
  const area = rescaledArea(curve, cut);
  if (area === null) return 1;
  const range = curve.fpr[cut]! - curve.fpr[curve.fpr.length - 1]!;
  const d = curve.fprSlack.subarray(cut).reduce((a, b) => Math.max(a, b), 0);
  const e = curve.overlapSlack.subarray(cut).reduce((a, b) => Math.max(a, b), 0);
  if (d >= range) return 1;
  return Math.abs(area - value) + (e * range + 3 * d) / (range - d);
}

/**
 * PRO as MVTec AD defines it: the exact curve over all distinct scores, starting at (0, 0), integrated to FPR 0.3
 * (interpolated there) and divided by 0.3; no rescaling. Needs a region and a negative.
 * `bound` is the largest possible |value - exact value| if the groups are buckets.
 */
export function createMvtecPro(totals: Totals): {
  visit: Visit;
  result(): { value: number; bound: number };
} {
  const sum = { fp: 0, coverage: 0, area: 0, slack: 0 };
  return {
    visit({ negatives, coverage }) {
      const x0 = sum.fp / totals.negatives;
      const y0 = sum.coverage / totals.regions;
      sum.fp += negatives;
      sum.coverage += coverage;
      if (x0 >= FPR_LIMIT || negatives === 0) return;
      const x1 = sum.fp / totals.negatives;
      const y1 = sum.coverage / totals.regions;
      if (x1 <= FPR_LIMIT) {
        sum.area += ((x1 - x0) * (y0 + y1)) / 2;
        // A monotone path between the two corners is at most half a rectangle away from its chord.
        sum.slack += ((x1 - x0) * (y1 - y0)) / 2;
      } else {
        const end = y0 + ((y1 - y0) * (FPR_LIMIT - x0)) / (x1 - x0);
        sum.area += ((FPR_LIMIT - x0) * (y0 + end)) / 2;
        sum.slack += (FPR_LIMIT - x0) * (y1 - y0);
      }
    },
    result: () => ({ value: sum.area / FPR_LIMIT, bound: sum.slack / FPR_LIMIT }),
  };
}
