import type { Command } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { table } from '../output.ts';
import { benchPage, type Visit } from '../page.ts';
import { integer } from './options.ts';

export const addPageCommand = (program: Command): Command =>
  program
    .command('page')
    .description(
      'from opening the page to the first heat map in Chromium, and how long the main thread was held up',
    )
    .option('--runs <n>', 'pairs of visits: empty browser, then with what that kept', integer, 3)
    .option('--json <file>', 'write the result as JSON')
    .action(async ({ runs, json }: { runs: number; json?: string }) => {
      const visits = await benchPage(runs);
      const parts = Object.keys(visits.first) as (keyof Visit)[];
      console.log(
        table(
          ['visit (ms)', ...parts],
          Object.entries(visits).map(([name, visit]) => [
            name,
            ...parts.map((part) => visit[part].toFixed(0)),
          ]),
        ),
      );
      if (json) await writeFileAtomic(json, `${JSON.stringify(visits, null, 2)}\n`);
    });
