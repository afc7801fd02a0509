import type { Gpu } from '../../src/gpu/gpu.ts';
import { openConfiguration } from './configuration.ts';
import type { GoldenFolder } from './folder.ts';
import { checkMode } from './mode.ts';
import type { Report } from './report.ts';
import { checkVision } from './vision.ts';

/**
 * Image encoder and every mode of a configuration, with its weights as `stored` has them.
 * @param only one of its modes; another name: none
 * @returns false where the configuration has no inputs
 */
export async function checkStored(
  gpu: Gpu,
  golden: GoldenFolder,
  name: string,
  stored: string,
  report: Report,
  { onPart = () => {}, only }: { onPart?: (part: string) => void; only?: string } = {},
): Promise<boolean> {
  onPart(`configuration ${name} (${stored}): image encoder`);
  const configuration = await openConfiguration(gpu, golden, name, stored);
  if (!configuration) {
    report.notes.push(`no ${name}/inputs.safetensors: configuration ${name} skipped`);
    return false;
  }
  const features = await checkVision(gpu, golden, configuration, report);
  for (const [mode, description] of Object.entries(configuration.modes)) {
    if (only !== undefined && mode !== only) continue;
    onPart(`configuration ${name} (${stored}): mode ${mode}`);
    await checkMode(gpu, golden, configuration, mode, description, features, report);
  }
  configuration.dispose();
  return true;
}
