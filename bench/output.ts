// What every benchmark prints and writes.
import type { Gpu } from '../src/gpu/gpu.ts';

/** What a device says of its adapter, in a page too. */
export function adapterOf(gpu: Gpu) {
  const { info } = gpu.device as GPUDevice & { adapterInfo?: GPUAdapterInfo; info?: GPUAdapterInfo };
  const adapter = (gpu.device as { adapterInfo?: GPUAdapterInfo }).adapterInfo ?? info;
  return {
    adapter: gpu.description,
    vendor: adapter?.vendor ?? '',
    device: adapter?.device ?? '',
    timestamps: gpu.capabilities.timestamps,
    subgroupSize: gpu.capabilities.subgroupSize,
    software: gpu.capabilities.software,
  };
}

/** Adapter, driver, toggles and versions: without them a figure means nothing. */
export const environment = (gpu: Gpu) => ({ ...adapterOf(gpu), ...program() });

/** @param browser with its version, where the page's device is a browser's */
export const pageEnvironment = (adapter: ReturnType<typeof adapterOf>, browser: string) => ({
  ...adapter,
  ...program(),
  browser,
});

const program = () => ({
  toggles: process.env.FAPROMPT_DAWN_TOGGLES ?? '',
  node: process.version,
  date: new Date().toISOString(),
});

export const describeEnvironment = (e: ReturnType<typeof environment> & { browser?: string }): string =>
  `${e.adapter} (${[e.vendor, e.device].filter(Boolean).join(' ')}), subgroups of ${e.subgroupSize}, ` +
  `${e.timestamps ? 'GPU timestamps' : 'clock'}, toggles: ${e.toggles || 'none'}, ${e.browser ?? `node ${e.node}`}`;

/** Columns padded to their widest cell; the first is text, the others are numbers. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((c, i) => (i === 0 ? c.padEnd(widths[i]!) : c.padStart(widths[i]!))).join('  ');
  return [header, ...rows].map(line).join('\n');
}

/** Median and spread (half the distance between the quartiles, as a fraction of the median). */
export function summary(times: readonly number[]): { median: number; spread: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
  const median = at(0.5);
  return { median, spread: (at(0.75) - at(0.25)) / 2 / median };
}
