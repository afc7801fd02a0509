import path from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { ExitError } from '../../src/jobs/io.ts';
import { root } from '../root.ts';
import { type SoakReport, soak } from '../soak.ts';
import { integer } from './options.ts';

interface Given {
  minutes: number;
  photographs: number;
  seed: number;
  json?: string;
}

export const describeSoak = (found: SoakReport): string =>
  [
    `${found.photographs} photographs in ${(found.seconds / 60).toFixed(1)} minutes, ${found.broken} of them broken`,
    `results: ${found.results} of ${found.good} good ones exactly once; ${found.named} of ${found.broken} broken ones named`,
    `devices lost: ${found.devicesLost}; disk filled: ${found.disksFilled} times (${found.withoutPictures} scores without pictures)`,
    `resident set: ${found.memory.start.toFixed(0)} MiB at the start, ${found.memory.end.toFixed(0)} at the end, ${found.memory.most.toFixed(0)} at most`,
    `exit code ${found.exitCode}`,
    ...(found.failures.length === 0
      ? ['passed']
      : found.failures.slice(0, 20).map((text) => `FAILED: ${text}`)),
  ].join('\n');

export const addSoakCommand = (program: Command): Command =>
  program
    .command('soak')
    .description(
      'detect --watch for a long time: photographs, one in twenty hostile or broken, a device that is lost three times, a disk that is full twice',
    )
    .option('--minutes <n>', 'time over which the photographs arrive', integer, 60)
    .option('--photographs <n>', 'how many', integer, 3000)
    .option('--seed <n>', 'of the photographs', integer, 1)
    .option('--json <file>', 'write the figures as JSON')
    .action(async ({ json, ...given }: Given) => {
      const onNote = (text: string) => console.error(text);
      const found = await soak(path.join(root, 'dist', 'soak-station.js'), { ...given, onNote });
      console.log(describeSoak(found));
      if (json) await writeFileAtomic(json, `${JSON.stringify(found, null, 2)}\n`);
      if (found.failures.length > 0) throw new ExitError(1);
    });
