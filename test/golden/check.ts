import type { Gpu } from '../../src/gpu/gpu.ts';
import { checkStored } from './check-configuration.ts';
import { openGolden } from './folder.node.ts';
import { checkMetrics } from './metrics.ts';
import { checkOps } from './ops.ts';
import { createReport, type Report } from './report.ts';
import { checkResize } from './resize.ts';

/** Holds the engine against everything that a golden folder has: every configuration, mode and file. */
export async function checkGolden(
  gpu: Gpu,
  folder: string,
  onPart: (part: string) => void = () => {},
): Promise<Report> {
  const golden = await openGolden(folder);
  const report = createReport(golden);
  onPart('operators');
  await checkOps(gpu, golden, report);
  onPart('resize');
  await checkResize(gpu, golden, report);
  onPart('metrics');
  await checkMetrics(golden, report);
  for (const name of golden.configurations) {
    for (const stored of ['weights.safetensors', 'weights_f16.safetensors']) {
      if (!(await golden.open(`${name}/${stored}`))) continue;
      if (!(await checkStored(gpu, golden, name, stored, report, { onPart }))) break;
    }
  }
  return report;
}

/**
 * The same of one file, "a/vision.safetensors" (the image encoder) or "a/topm.safetensors" (a mode), and what it rests on.
 * @param others folders that differ in that file's values, which the same numbers are held against, too
 * @returns the report of each folder
 */
export async function checkGoldenFile(
  gpu: Gpu,
  folder: string,
  file: string,
  others: readonly string[] = [],
): Promise<Report[]> {
  const golden = await openGolden(folder);
  const reports = [
    createReport(golden),
    ...(await Promise.all(others.map(async (other) => createReport(await openGolden(other))))),
  ];
  const all: Report = {
    ...reports[0]!,
    add(...of) {
      for (const report of reports) report.add(...of);
    },
    async compare(...of) {
      for (const report of reports) await report.compare(...of);
    },
  };
  const [name, mode] = file.replace('.safetensors', '').split('/') as [string, string];
  const found = await checkStored(gpu, golden, name, 'weights.safetensors', all, { only: mode });
  if (!found) throw new Error(`${file}: no such configuration`);
  return reports;
}
