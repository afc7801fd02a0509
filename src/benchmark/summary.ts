// Mean and spread over seeds, of one data set or of the mean over several.
import type { MetricName } from '../eval/index.ts';
import type { RunResult } from './results.ts';

export interface Spread {
  readonly mean: number;
  /** Sample standard deviation over the seeds; null with fewer than two. */
  readonly deviation: number | null;
  readonly seeds: number;
}

/** @returns null without values */
export function spread(values: readonly number[]): Spread | null {
  const seeds = values.length;
  if (seeds === 0) return null;
  const mean = values.reduce((a, b) => a + b, 0) / seeds;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: seeds > 1 ? Math.sqrt(squares / (seeds - 1)) : null, seeds };
}

/**
 * A metric of one method with one CLIP, averaged over data sets seed by seed and then over the seeds.
 * @param results those of the method and CLIP
 * @param tests names of the data sets; each has the metric, or the seed does not count
 */
export function metricOver(
  results: readonly RunResult[],
  tests: readonly string[],
  metric: MetricName,
): Spread | null {
  const seeds = new Map<number | null, Map<string, number>>();
  for (const { seed, test, evaluation } of results) {
    const value = evaluation.mean.metrics[metric];
    if (value === null) continue;
    const own = seeds.get(seed) ?? new Map<string, number>();
    seeds.set(seed, own.set(test, value));
  }
  const complete = [...seeds.values()].filter((own) => tests.every((test) => own.has(test)));
  if (tests.length === 0) return null;
  return spread(complete.map((own) => tests.reduce((sum, test) => sum + own.get(test)!, 0) / tests.length));
}
