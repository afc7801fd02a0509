/** Median and spread of timings. */
export interface Timing {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  readonly runs: number;
}

export function timing(milliseconds: readonly number[]): Timing {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  return {
    median: sorted[sorted.length >> 1]!,
    lowest: sorted[0]!,
    highest: sorted.at(-1)!,
    runs: sorted.length,
  };
}
