// The figures of `bench quality`: mean and spread over seeds, and what they are held against.
import type { MetricValues } from '../../src/benchmark/results.ts';
import { type Spread, spread } from '../../src/benchmark/summary.ts';
import type { MetricName } from '../../src/eval/index.ts';
import { table } from '../output.ts';

export const metrics = [
  'imageAuroc',
  'imageAp',
  'pixelAuroc',
  'pro',
] as const satisfies readonly MetricName[];
type Metric = (typeof metrics)[number];
const titles: Readonly<Record<Metric, string>> = {
  imageAuroc: 'image AUROC',
  imageAp: 'image AP',
  pixelAuroc: 'pixel AUROC',
  pro: 'PRO',
};

/** What FAPrompt is to reach on held-out classes (issue 3). */
export const targets: Partial<Record<Metric, number>> = { imageAuroc: 0.9, pixelAuroc: 0.92, pro: 0.75 };

/** Metrics of a method on a data set, seed by seed. */
export interface Row {
  readonly name: string;
  readonly title: string;
  readonly values: readonly { readonly seed: number; readonly metrics: Record<Metric, number | null> }[];
}

export const rowOf = (
  name: string,
  title: string,
  found: readonly { readonly seed: number; readonly row: { readonly metrics: MetricValues } }[],
): Row => ({
  name,
  title,
  values: found.map(({ seed, row }) => {
    const { imageAuroc, imageAp, pixelAuroc, pro } = row.metrics;
    return { seed, metrics: { imageAuroc, imageAp, pixelAuroc, pro } };
  }),
});

const numbers = (row: Row, metric: Metric): number[] =>
  row.values.flatMap(({ metrics: own }) => own[metric] ?? []);

export const summarize = (row: Row) =>
  Object.fromEntries(metrics.map((metric) => [metric, spread(numbers(row, metric))])) as Record<
    Metric,
    Spread | null
  >;

const percent = (x: number) => (100 * x).toFixed(1);
const show = (value: Spread | null): string => {
  if (!value) return '-';
  return value.deviation === null
    ? percent(value.mean)
    : `${percent(value.mean)} ± ${percent(value.deviation)}`;
};

export const formatRows = (rows: readonly Row[]): string =>
  table(
    ['method', ...metrics.map((metric) => titles[metric])],
    rows.map((row) => [row.title, ...Object.values(summarize(row)).map(show)]),
  );

/** Whether the targets are reached, and how far FAPrompt is ahead of each baseline, seed by seed. */
export function verdicts(faprompt: Row, baselines: readonly Row[]): string[] {
  const own = summarize(faprompt);
  const reached = Object.entries(targets).map(([metric, target]) => {
    const value = own[metric as Metric];
    const verdict = value && value.mean >= target ? 'reached' : 'not reached';
    return `${titles[metric as Metric]} >= ${percent(target)}: ${verdict} (${show(value)})`;
  });
  const ahead = baselines.map((baseline) => {
    const parts = metrics.map((metric) => {
      const other = new Map(baseline.values.map(({ seed, metrics: m }) => [seed, m[metric]]));
      const differences = faprompt.values.flatMap(({ seed, metrics: m }) => {
        const [a, b] = [m[metric], other.get(seed)];
        return a == null || b == null ? [] : [a - b];
      });
      return `${titles[metric]} ${show(spread(differences))}`;
    });
    return `FAPrompt minus ${baseline.title}: ${parts.join(', ')}`;
  });
  return [...reached, ...ahead];
}
