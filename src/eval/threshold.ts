/**
 * Choosing the threshold above which an image is called anomalous ("anomalous if score >= threshold"), from the
 * scores of good images alone or of labelled ones.
 */
import { MetricInputError } from './errors.ts';
import { ranking } from './ranking.ts';

export type ThresholdMethod = 'good' | 'labelled' | 'f1';

/** A threshold, and what it does to the images that it was chosen from. */
export type Threshold = {
  threshold: number;
  method: ThresholdMethod;
  /** The false-positive rate that was asked for; null for `f1`. */
  target: number | null;
  good: number;
  anomalous: number;
  /** Good images called anomalous, as a share of all good ones. */
  falsePositiveRate: number;
  /** Anomalous images called anomalous, as a share of all anomalous ones; null without any. */
  truePositiveRate: number | null;
  /**
   * The chance that a further good image, of the same kind as these, is called anomalous is at most this (split
   * conformal prediction: (called + 1) / (good + 1)); null for `f1` and `labelled`, which promise nothing.
   */
  bound: number | null;
};

function checkScores(scores: ArrayLike<number>, field: string): void {
  for (let i = 0; i < scores.length; i++) {
    if (!Number.isFinite(scores[i]!)) {
      throw new MetricInputError(`${field}[${i}]`, 'a finite score', `${scores[i]}`);
    }
  }
}

function checkRate(rate: number): void {
  if (!(rate >= 0 && rate < 1)) throw new MetricInputError('rate', 'at least 0 and below 1', `${rate}`);
}

const scratch = new DataView(new ArrayBuffer(8));

/** The least float64 above a finite number. */
function nextUp(x: number): number {
  if (x === 0) return Number.MIN_VALUE;
  scratch.setFloat64(0, x);
  scratch.setBigInt64(0, scratch.getBigInt64(0) + (x > 0 ? 1n : -1n));
  return scratch.getFloat64(0);
}

/** The middle of two numbers, but above the lower one. */
const between = (lower: number, upper: number): number => {
  const middle = lower + (upper - lower) / 2;
  return middle > lower ? middle : upper;
};

/**
 * Calls at most `called` of the good scores anomalous and as many others as that allows: half way between the highest
 * good score that passes and the next of all `scores`, so that rounding changes nothing; without a next one, just
 * above it.
 */
function above(good: Float64Array, called: number, scores: ArrayLike<number>): number {
  const passed = good[called]!;
  let next = Number.POSITIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) if (scores[i]! > passed && scores[i]! < next) next = scores[i]!;
  return next < Number.POSITIVE_INFINITY ? between(passed, next) : nextUp(passed);
}

const share = (scores: ArrayLike<number>, threshold: number): number => {
  let called = 0;
  for (let i = 0; i < scores.length; i++) if (scores[i]! >= threshold) called++;
  return called / scores.length;
};

/** Good images that are needed for a bound of `rate`. */
export const goodImagesNeeded = (rate: number): number => Math.ceil(1 / rate - 1 - 1e-9);

const descendingScores = (scores: ArrayLike<number>): Float64Array =>
  Float64Array.from(scores).sort().reverse();

/**
 * A threshold from good images alone: the lowest one for which a further good image is called anomalous with a chance
 * of at most `rate`, whatever the scores' distribution (split conformal prediction). With fewer good images than
 * `goodImagesNeeded(rate)` that cannot be promised: the threshold is then just above all of them and `bound` says
 * what holds.
 * @param rate in [0, 1)
 * @throws MetricInputError for no scores, one that is not finite, or another rate
 */
export function thresholdFromGood(scores: ArrayLike<number>, rate: number): Threshold {
  checkRate(rate);
  checkScores(scores, 'scores');
  const good = scores.length;
  if (good === 0) throw new MetricInputError('scores', 'at least one good image', 'none');
  const descending = descendingScores(scores);
  // 1e-9: 0.01 * 100 must not become 0.
  const called = Math.max(0, Math.floor(rate * (good + 1) + 1e-9) - 1);
  const threshold = above(descending, called, descending);
  const falsePositiveRate = share(descending, threshold);
  return {
    threshold,
    method: 'good',
    target: rate,
    good,
    anomalous: 0,
    falsePositiveRate,
    truePositiveRate: null,
    bound: (Math.round(falsePositiveRate * good) + 1) / (good + 1),
  };
}

/**
 * A threshold from labelled images: with a `rate` the lowest one at which at most that share of the good images is
 * called anomalous, without one that of the best F1.
 * @param labels anomalous where > 0
 * @throws MetricInputError for arrays of different length, a label that no image has, a score that is not finite, or a
 *   rate outside [0, 1)
 */
export function thresholdFromLabelled(
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  rate?: number,
): Threshold {
  checkScores(scores, 'scores');
  // Also checks the lengths.
  const best = ranking(labels, scores);
  const sides: [number[], number[]] = [[], []];
  for (let i = 0; i < scores.length; i++) sides[labels[i]! > 0 ? 1 : 0].push(scores[i]!);
  const [good, anomalous] = sides;
  if (best === null) {
    const missing = good.length === 0 ? 'good' : 'anomalous';
    throw new MetricInputError('labels', 'good and anomalous images', `no ${missing} one`);
  }
  let threshold: number;
  if (rate === undefined) {
    const lower = Array.from(scores).filter((score) => score < best.threshold);
    threshold =
      lower.length === 0
        ? best.threshold
        : between(
            lower.reduce((a, b) => Math.max(a, b)),
            best.threshold,
          );
  } else {
    checkRate(rate);
    threshold = above(descendingScores(good), Math.floor(rate * good.length + 1e-9), scores);
  }
  return {
    threshold,
    method: rate === undefined ? 'f1' : 'labelled',
    target: rate ?? null,
    good: good.length,
    anomalous: anomalous.length,
    falsePositiveRate: share(good, threshold),
    truePositiveRate: share(anomalous, threshold),
    bound: null,
  };
}
