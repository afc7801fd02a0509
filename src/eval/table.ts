import { METRICS, type MetricName, type MetricRow } from './evaluate.ts';

const TITLES: Record<MetricName, string> = {
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

/**
 * Plain text table, one line per row (append the mean row yourself), columns aligned, metrics as fractions.
 * An undefined metric is `-`.
 * @param columns metrics to print, default all
 */
export function formatTable(
  rows: readonly MetricRow[],
  columns: readonly MetricName[] = METRICS,
  digits = 4,
): string {
  const lines = [
    ['class', 'images', 'anomalies', ...columns.map((metric) => TITLES[metric])],
    ...rows.map((row) => [
      row.name,
      `${row.images}`,
      `${row.anomalies}`,
      ...columns.map((metric) => row.metrics[metric]?.toFixed(digits) ?? '-'),
    ]),
  ];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return lines.map((line) => line.map(pad).join('  ')).join('\n');
}
