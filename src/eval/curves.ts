/** The curves whose areas the metrics are, thinned so that they can be drawn. */
import type { Totals, Visit } from './groups.ts';

/** Shares in [0, 1] above one threshold: of the negatives, of the positives, and the mean over regions of what is found. */
export type CurvePoint = { fpr: number; tpr: number; overlap: number };

/** Steps smaller than this, in every coordinate, are left out: straight lines between points are never further off. */
const STEP = 1 / 200;

/**
 * Collects the ROC curve (fpr, tpr) and the PRO curve (fpr, overlap) of tie groups, from (0, 0) to (1, 1).
 * @param step see STEP; 0 keeps every point
 */
export function createCurve(
  { positives, negatives, regions }: Totals,
  step = STEP,
): { visit: Visit; result(): CurvePoint[] } {
  const sum = { fp: 0, tp: 0, coverage: 0 };
  const points: CurvePoint[] = [{ fpr: 0, tpr: 0, overlap: 0 }];
  let kept = points[0]!;
  let last = kept;
  const far = (a: CurvePoint, b: CurvePoint) =>
    b.fpr - a.fpr > step || b.tpr - a.tpr > step || b.overlap - a.overlap > step;
  const keep = (point: CurvePoint) => {
    if (point === kept) return;
    points.push(point);
    kept = point;
  };
  return {
    visit({ positives: p, negatives: n, coverage }) {
      sum.fp += n;
      sum.tp += p;
      sum.coverage += coverage;
      const next = {
        fpr: sum.fp / negatives,
        tpr: sum.tp / positives,
        overlap: regions > 0 ? sum.coverage / regions : 0,
      };
      if (far(kept, next)) {
        // What was passed over ends where the step begins.
        if (far(last, next)) keep(last);
        keep(next);
      }
      last = next;
    },
    result() {
      keep(last);
      return points;
    },
  };
}
