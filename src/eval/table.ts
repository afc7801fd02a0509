import { visible } from '../base/text.ts';
import { METRICS, type MetricName, type MetricRow } from './evaluate.ts';

/** Headings of the metrics. */
export const metricTitles: Readonly<Record<MetricName, string>> = {
  imageAuroc: 'img AUROC',
  imageAp: 'img AP',
  imageMaxF1: 'img F1',
  pixelAuroc: 'px AUROC',
  pixelAp: 'px AP',
  pixelMaxF1: 'px F1',
  pro: 'PRO',
  proMvtec: 'PRO (MVTec)',
  iou: 'IoU',
};

/** Each row followed by those of its kinds of defects, if it has several; their names are indented. */
export const withDefects = (rows: readonly MetricRow[]): MetricRow[] =>
  rows.flatMap((row) => {
    const defects = row.defects ?? [];
    return defects.length < 2 ? [row] : [row, ...defects.map((one) => ({ ...one, name: `  ${one.name}` }))];
  });

/**
 * Plain text table, one line per row (append the mean row yourself), columns aligned, metrics as fractions.
 * An undefined metric is `-`; a confidence interval follows its metric, as `0.9000 [0.8500, 0.9400]`.
 * @param columns metrics to print, default all
 */
export function formatTable(
  rows: readonly MetricRow[],
  columns: readonly MetricName[] = METRICS,
  digits = 4,
): string {
  const lines = [
    ['class', 'images', 'anomalies', ...columns.map((metric) => metricTitles[metric])],
    ...rows.map((row) => [
      row.name,
      `${row.images}`,
      `${row.anomalies}`,
      ...columns.map((metric) => formatMetric(row, metric, digits)),
    ]),
  ];
  return alignColumns(lines);
}

/** Rows as lines with aligned columns: texts in the first to the left, numbers in the others to the right. */
export function alignColumns(given: readonly (readonly string[])[]): string {
  // A name with a line break must not make a row of its own.
  const rows = given.map((row) => row.map(visible));
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

function formatMetric({ metrics, intervals }: MetricRow, metric: MetricName, digits: number): string {
  const value = metrics[metric];
  const range = intervals?.[metric];
  if (value === null) return '-';
  const shown = value.toFixed(digits);
  return range ? `${shown} [${range.low.toFixed(digits)}, ${range.high.toFixed(digits)}]` : shown;
}
