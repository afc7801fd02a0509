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

export const formatTiming = ({ median, lowest, highest }: Timing): string =>
  `${median.toFixed(2)} ms (${lowest.toFixed(2)} to ${highest.toFixed(2)})`;

/** Aligned columns; the first is text, the others numbers or text to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return [line(head), ...rows.map(line)].join('\n');
}
