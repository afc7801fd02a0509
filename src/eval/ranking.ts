import { type CurvePoint, createCurve } from './curves.ts';
import { MetricInputError } from './errors.ts';
import { mergedGroups, type TieGroups, type Totals, type Visit } from './groups.ts';
import { keyOfBits, scoreOfKey, sortKeys } from './keys.ts';

/**
 * Threshold-free and best-threshold metrics of one ranking. `threshold` is the highest score at which
 * "anomalous if score >= threshold" reaches the best F1; the best IoU is reached there too, as
 * F1 = 2 IoU / (1 + IoU).
 */
export type Ranking = { auroc: number; ap: number; maxF1: number; iou: number; threshold: number };

/** Accumulates `Ranking` over tie groups; needs at least one positive and one negative. */
export function createRanking({ positives, negatives }: Totals): { visit: Visit; result(): Ranking } {
  // One object, not closure variables: V8 updates its number fields in place.
  const sum = { tp: 0, fp: 0, below: 0, ap: 0, iou: -1, threshold: 0 };
  return {
    visit({ score, positives: p, negatives: n }) {
      // Mann-Whitney: every negative counts the positives above it, and half of those tied with it.
      sum.below += n * (sum.tp + p / 2);
      sum.tp += p;
      sum.fp += n;
      sum.ap += p * (sum.tp / (sum.tp + sum.fp));
      const iou = sum.tp / (sum.fp + positives);
      if (iou > sum.iou) {
        sum.iou = iou;
        sum.threshold = score;
      }
    },
    result: () => ({
      auroc: sum.below / positives / negatives,
      ap: sum.ap / positives,
      maxF1: (2 * sum.iou) / (1 + sum.iou),
      iou: sum.iou,
      threshold: sum.threshold,
    }),
  };
}

/** Splits scores by label, sorts both sides and returns their tie groups. */
function rank(labels: ArrayLike<number>, scores: ArrayLike<number>): { groups: TieGroups; totals: Totals } {
  const count = scores.length;
  if (labels.length !== count) {
    throw new MetricInputError('labels', `${count} entries, one per score`, `${labels.length}`);
  }
  let positives = 0;
  for (let i = 0; i < count; i++) if (labels[i]! > 0) positives++;
  const totals = { positives, negatives: count - positives, regions: 0 };
  const fill = (to: [Float64Array, Float64Array] | [Uint32Array, Uint32Array], from: ArrayLike<number>) => {
    const next = [0, 0] as [number, number];
    for (let i = 0; i < count; i++) {
      const score = scores[i]!;
      if (Number.isNaN(score)) throw new MetricInputError(`scores[${i}]`, 'a number', 'NaN');
      const side = labels[i]! > 0 ? 1 : 0;
      to[side][next[side]++] = from[i]!;
    }
  };
  if (scores instanceof Float32Array) {
    const bits = new Uint32Array(scores.buffer, scores.byteOffset, count);
    const keys: [Uint32Array, Uint32Array] = [
      new Uint32Array(totals.negatives),
      new Uint32Array(totals.positives),
    ];
    fill(keys, bits);
    for (const side of keys) for (let i = 0; i < side.length; i++) side[i] = keyOfBits(side[i]!);
    const [negativeKeys, positiveKeys] = keys.map((side) => sortKeys([side])) as [Uint32Array, Uint32Array];
    return { groups: mergedGroups(positiveKeys, negativeKeys, null, scoreOfKey), totals };
  }
  const values: [Float64Array, Float64Array] = [
    new Float64Array(totals.negatives),
    new Float64Array(totals.positives),
  ];
  fill(values, scores);
  for (const side of values) side.sort();
  return { groups: mergedGroups(values[1], values[0], null, (score) => score), totals };
}

/**
 * All ranking metrics of one set of samples in one sort.
 * @param labels anomalous where > 0
 * @param scores higher means more anomalous; any finite or infinite number. A Float32Array is sorted by radix.
 * @returns null unless both labels occur (then none of the metrics is meaningful)
 * @throws MetricInputError for a NaN score or arrays of different length
 */
export function ranking(labels: ArrayLike<number>, scores: ArrayLike<number>): Ranking | null {
  const { groups, totals } = rank(labels, scores);
  if (totals.positives === 0 || totals.negatives === 0) return null;
  const metrics = createRanking(totals);
  groups(metrics.visit);
  return metrics.result();
}

/** The ROC curve (`overlap` is 0); arguments, null and errors as `ranking`. */
export function rocCurve(labels: ArrayLike<number>, scores: ArrayLike<number>): CurvePoint[] | null {
  const { groups, totals } = rank(labels, scores);
  if (totals.positives === 0 || totals.negatives === 0) return null;
  const curve = createCurve(totals);
  groups(curve.visit);
  return curve.result();
}

/** Area under the ROC curve, ties by mid-ranks; arguments, null and errors as `ranking`. */
export const auroc = (labels: ArrayLike<number>, scores: ArrayLike<number>): number | null =>
  ranking(labels, scores)?.auroc ?? null;

/** Average precision, a step-wise sum over distinct scores; arguments, null and errors as `ranking`. */
export const averagePrecision = (labels: ArrayLike<number>, scores: ArrayLike<number>): number | null =>
  ranking(labels, scores)?.ap ?? null;

/** Largest F1 over all thresholds; arguments, null and errors as `ranking`. */
export const maxF1 = (labels: ArrayLike<number>, scores: ArrayLike<number>): number | null =>
  ranking(labels, scores)?.maxF1 ?? null;
