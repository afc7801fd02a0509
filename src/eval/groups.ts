/**
 * What every metric here reads: the groups of tied scores, from the highest score to the lowest. Metrics are
 * functions of these groups alone, so exact and bucketed scores share their code.
 *
 * - `score`: the group's score; for a bucket the lowest score that it may hold
 * - `positives`, `negatives`: how many anomalous and normal samples the group has
 * - `coverage`: sum of 1 / (area of its region) over the group's anomalous pixels
 * - `highest`: the highest score that the group may hold (`score` itself where scores are exact)
 */
export type Visit = (
  score: number,
  positives: number,
  negatives: number,
  coverage: number,
  highest: number,
) => void;

export type TieGroups = (visit: Visit) => void;

/** Sums over all groups. `regions` is the number of connected anomalous regions. */
export type Totals = { positives: number; negatives: number; regions: number };

type Sorted = Uint32Array | Float32Array | Float64Array;

/**
 * Groups of two ascending arrays, one per label, merged.
 * @param areas area of the region of each positive; without it every coverage is 0
 * @param decode from an entry of the arrays to its score
 */
export function mergedGroups(
  positives: Sorted,
  negatives: Sorted,
  areas: Uint32Array | null,
  decode: (entry: number) => number,
): TieGroups {
  return (visit) => {
    let p = positives.length - 1;
    let n = negatives.length - 1;
    while (p >= 0 || n >= 0) {
      const entry = p < 0 ? negatives[n]! : n < 0 ? positives[p]! : Math.max(positives[p]!, negatives[n]!);
      const firstPositive = p;
      const firstNegative = n;
      let coverage = 0;
      while (p >= 0 && positives[p] === entry) {
        if (areas) coverage += 1 / areas[p]!;
        p--;
      }
      while (n >= 0 && negatives[n] === entry) n--;
      const score = decode(entry);
      visit(score, firstPositive - p, firstNegative - n, coverage, score);
    }
  };
}
