// Holds the methods against everything that their golden folder has (../shared/methods/golden).
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Gpu } from '../../../src/gpu/gpu.ts';
import { openGolden } from '../folder.node.ts';
import { createReport, type Report } from '../report.ts';
import { checkAnomalyclip } from './anomalyclip.ts';
import { checkAnovl } from './anovl.ts';
import { checkAprilGan } from './april-gan.ts';
import { checkBlip } from './blip.ts';
import { checkClip } from './clip.ts';
import { checkCoop } from './coop.ts';
import { checkFilo } from './filo.ts';
import { openSetting } from './setting.ts';
import { checkWinclip } from './winclip.ts';

const checks = {
  checkClip,
  checkAnomalyclip,
  checkWinclip,
  checkAprilGan,
  checkCoop,
  checkAnovl,
  checkBlip,
  checkFilo,
};

/** @param shared the golden folder that has configuration a; it need not exist if the methods' folder has its own inputs */
export async function checkMethods(
  gpu: Gpu,
  folder: string,
  shared: string,
  onPart: (part: string) => void = () => {},
): Promise<Report> {
  const golden = await openGolden(folder);
  const base = existsSync(path.join(shared, 'manifest.json')) ? await openGolden(shared) : undefined;
  const report = createReport(golden);
  const setting = await openSetting(gpu, golden, base, report);
  try {
    for (const [name, check] of Object.entries(checks)) {
      onPart(`methods: ${name.replace('check', '')}`);
      await check(setting);
    }
    for (const file of Object.keys(golden.manifest.files))
      if (/^adaclip\//.test(file)) report.notes.push(`${file}: this method is not built`);
  } finally {
    setting.clip.dispose();
  }
  return report;
}
