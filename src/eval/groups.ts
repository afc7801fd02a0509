/**
 * What every metric here reads: the groups of tied scores, from the highest score to the lowest. Metrics are
 * functions of these groups alone, so exact and bucketed scores share their code.
 */
export interface TieGroup {
  /** For a bucket the lowest score that it may hold. */
  score: number;
  /** How many anomalous and normal samples the group has. */
  positives: number;
  negatives: number;
  /** Sum of 1 / (area of its region) over the group's anomalous pixels. */
  coverage: number;
  /** The highest score that the group may hold (`score` itself where scores are exact). */
  highest: number;
}

/** @param group is the walker's, which may use it again for the next: there are as many as distinct scores */
export type Visit = (group: Readonly<TieGroup>) => void;

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
    const group: TieGroup = { score: 0, positives: 0, negatives: 0, coverage: 0, highest: 0 };
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
      group.score = group.highest = decode(entry);
      group.positives = firstPositive - p;
      group.negatives = firstNegative - n;
      group.coverage = coverage;
      visit(group);
    }
  };
}
