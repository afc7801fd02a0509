// `faprompt data check DIR`: what a folder is recognised as, what is in it and what is wrong with it.
import { Command } from 'commander';
import { checkDataset } from '../data/check.node.ts';
import { formatReport } from '../data/check.ts';
import { ExitError, type Io } from '../jobs/io.ts';
import { createProgress, type Progress } from '../jobs/progress.ts';
import { integer } from './arguments.ts';

interface Given {
  readonly json?: boolean;
  readonly limit: number;
}

const checkCommand = (io: Io): Command =>
  new Command('check')
    .description(
      'read every image and mask of a data set; exit code 1 if anything is missing, unreadable or inconsistent',
    )
    .argument('<dir>', 'folder of the data set')
    .option('--limit <n>', 'findings of one kind to print; --json has all', integer(0), 20)
    .option('--json', 'print the report as JSON')
    .action(async (dir: string, { json, limit }: Given) => {
      let progress: Progress | undefined;
      const report = await checkDataset(dir, {
        onProgress(done, total) {
          progress ??= createProgress(io, 'check', total, { unit: 'image' });
          progress.update(done);
        },
      }).finally(() => progress?.stop());
      io.out(json ? JSON.stringify(report, null, 2) : formatReport(report, limit));
      if (report.findings.length > 0) throw new ExitError(1);
    });

export const dataCommand = (io: Io): Command =>
  new Command('data').description('data sets (docs/DATASETS.md)').addCommand(checkCommand(io));
