// Holds the methods against everything that their golden folder has (../shared/methods/golden).
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Gpu } from '../../../src/gpu/gpu.ts';
import { openGolden } from '../folder.node.ts';
import type { GoldenFolder } from '../folder.ts';
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

/** A line for every file that no check opened: nothing of it was held. */
export const unread = (files: readonly string[], opened: ReadonlySet<string>): string[] =>
  files
    .filter((file) => !opened.has(file))
    .map((file) => `${file}: not checked, no method of this engine (docs/METHODS.md) reads it`);

/** @param shared the golden folder that has configuration a; it need not exist if the methods' folder has its own inputs */
export async function checkMethods(
  gpu: Gpu,
  folder: string,
  shared: string,
  onPart: (part: string) => void = () => {},
): Promise<Report> {
  const whole = await openGolden(folder);
  const opened = new Set<string>();
  const golden: GoldenFolder = {
    ...whole,
    open(file) {
      opened.add(file);
      return whole.open(file);
    },
  };
  const base = existsSync(path.join(shared, 'manifest.json')) ? await openGolden(shared) : undefined;
  const report = createReport(golden);
  const setting = await openSetting(gpu, golden, base, report);
  try {
    for (const [name, check] of Object.entries(checks)) {
      onPart(`methods: ${name.replace('check', '')}`);
      await check(setting);
    }
    report.notes.push(...unread(Object.keys(golden.manifest.files), opened));
  } finally {
    setting.clip.dispose();
  }
  return report;
}
