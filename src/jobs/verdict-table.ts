// What `faprompt detect` prints: a line per image.
import { visible } from '../base/text.ts';
import { formatRows } from './io.ts';

export interface VerdictRow {
  readonly image: string;
  readonly score: number;
  /** Only with a threshold. */
  readonly anomalous?: boolean;
  readonly mapMin: number;
  readonly mapMax: number;
}

const [fewest, most] = [4, 9];

/** As many digits as show on which side of the threshold each score is, at least four. */
function digitsFor(rows: readonly VerdictRow[], threshold: number): number {
  const shown = (value: number, digits: number) => Number(value.toFixed(digits));
  for (let digits = fewest; digits < most; digits++)
    if (rows.every((row) => shown(row.score, digits) >= shown(threshold, digits) === row.anomalous))
      return digits;
  return most;
}

export const formatVerdict = (
  { image, score, mapMin, mapMax, anomalous }: VerdictRow,
  digits = fewest,
): string[] => [
  visible(image),
  score.toFixed(digits),
  ...[mapMin, mapMax].map((x) => x.toFixed(4)),
  ...(anomalous === undefined ? [] : [anomalous ? 'FAIL' : 'pass']),
];

export function verdictTable(rows: readonly VerdictRow[], threshold: number | undefined): string {
  const digits = threshold === undefined ? fewest : digitsFor(rows, threshold);
  const verdict = threshold === undefined ? [] : [`score >= ${threshold.toFixed(digits)}`];
  return formatRows([
    ['image', 'score', 'map min', 'map max', ...verdict],
    ...rows.map((row) => formatVerdict(row, digits)),
  ]);
}
