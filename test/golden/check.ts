import type { Gpu } from '../../src/gpu/gpu.ts';
import { openConfiguration } from './configuration.ts';
import { openGolden } from './folder.ts';
import { checkMetrics } from './metrics.ts';
import { checkMode } from './mode.ts';
import { checkOps } from './ops.ts';
import { createReport, type Report } from './report.ts';
import { checkResize } from './resize.ts';
import { checkVision } from './vision.ts';

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
      onPart(`configuration ${name} (${stored}): image encoder`);
      const configuration = await openConfiguration(gpu, golden, name, stored);
      if (!configuration) {
        report.notes.push(`no ${name}/inputs.safetensors: configuration ${name} skipped`);
        break;
      }
      const features = await checkVision(gpu, golden, configuration, report);
      for (const [mode, description] of Object.entries(configuration.modes)) {
        onPart(`configuration ${name} (${stored}): mode ${mode}`);
        await checkMode(gpu, golden, configuration, mode, description, features, report);
      }
      configuration.dispose();
    }
  }
  return report;
}
