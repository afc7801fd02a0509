import type { Totals, Visit } from './groups.ts';
import type { Ranking } from './ranking.ts';

/** Largest possible |reported - exact|, metric by metric. */
export type RankingBounds = { auroc: number; ap: number; maxF1: number; iou: number };

/**
 * How far the ranking metrics of buckets can be from those of the scores inside, whose order is unknown: rigorous,
 * computed from the counts alone.
 */
export function createRankingBounds({ positives, negatives }: Totals): {
  visit: Visit;
  result(reported: Ranking): RankingBounds;
} {
  const sum = { tp: 0, fp: 0, tied: 0, apLow: 0, apHigh: 0, iou: 0 };
  return {
    visit({ positives: p, negatives: n }) {
      const { tp, fp } = sum;
      sum.tp += p;
      sum.fp += n;
      if (p === 0) return;
      // Reported as half of the pairs right; they may all be right or all wrong.
      sum.tied += p * n;
      // Best: the positives come first, tied. Worst: the negatives come first, then each positive alone, the j-th
      // with precision (tp + j) / (tp + j + fp'); the sum over j is bounded by the midpoint rule for 1 / x.
      sum.apHigh += p * (sum.tp / (sum.tp + fp));
      const first = tp + sum.fp;
      const harmonic = p === 1 ? 1 / (first + 1) : Math.log1p(p / (first + 0.5));
      sum.apLow += Math.max(0, p - sum.fp * harmonic);
      sum.iou = Math.max(sum.iou, sum.tp / (fp + positives));
    },
    result: ({ ap, maxF1, iou }) => ({
      auroc: sum.tied / positives / negatives / 2,
      ap: Math.max(sum.apHigh / positives - ap, ap - sum.apLow / positives, 0),
      maxF1: Math.max((2 * sum.iou) / (1 + sum.iou) - maxF1, 0),
      iou: Math.max(sum.iou - iou, 0),
    }),
  };
}
