// Numbers and places in words.

/** Bytes as people read them on a download: decimal units, like the browsers' own. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Seconds as a remaining time: "40 s", "3 min", "1 h 20 min". */
export function formatRemaining(seconds: number): string {
  if (seconds < 1) return 'less than a second';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const formatPercent = (share: number): string =>
  share > 0 && share < 0.001 ? 'under 0.1 %' : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

/** Where a point in the unit square lies: "upper left", "centre". */
export function formatPlace(x: number, y: number): string {
  const third = (value: number) => (value < 1 / 3 ? 0 : value < 2 / 3 ? 1 : 2);
  const vertical = ['upper', 'middle', 'lower'][third(y)]!;
  const horizontal = ['left', 'centre', 'right'][third(x)]!;
  if (vertical === 'middle') return horizontal === 'centre' ? 'centre' : `${horizontal}, half way up`;
  return `${vertical} ${horizontal}`;
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;
