// What every benchmark prints and writes.
import type { Gpu } from '../src/gpu/gpu.ts';

/** Adapter, driver, toggles and versions: without them a figure means nothing. */
export function environment(gpu: Gpu) {
  const { info } = gpu.device as GPUDevice & { adapterInfo?: GPUAdapterInfo; info?: GPUAdapterInfo };
  const adapter = (gpu.device as { adapterInfo?: GPUAdapterInfo }).adapterInfo ?? info;
  return {
    adapter: gpu.description,
    vendor: adapter?.vendor ?? '',
    device: adapter?.device ?? '',
    toggles: process.env.FAPROMPT_DAWN_TOGGLES ?? '',
    timestamps: gpu.capabilities.timestamps,
    subgroupSize: gpu.capabilities.subgroupSize,
    software: gpu.capabilities.software,
    node: process.version,
    date: new Date().toISOString(),
  };
}

export const describeEnvironment = (e: ReturnType<typeof environment>): string =>
  `${e.adapter} (${[e.vendor, e.device].filter(Boolean).join(' ')}), subgroups of ${e.subgroupSize}, ` +
  `${e.timestamps ? 'GPU timestamps' : 'clock'}, toggles: ${e.toggles || 'none'}, node ${e.node}`;

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
