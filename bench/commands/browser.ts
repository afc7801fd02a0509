import type { Command } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { table } from '../output.ts';

export const addBrowserCommand = (program: Command): Command =>
  program
    .command('browser')
    .description(
      'the small CLIP in Chromium: time to the first heat map, and the longest block of its main thread',
    )
    .option('--json <file>', 'write the result as JSON')
    .action(async ({ json }: { json?: string }) => {
      // Loaded only here: a GPU machine has no tools that build pages.
      const { benchBrowser } = await import('../browser.ts');
      const results = await benchBrowser();
      const ms = (value: number) => value.toFixed(0);
      const rows = results.map(({ name, start, read, compile, first, second, total, blocking }) => [
        name,
        ...[start, read, compile, first, second, total, blocking.longestTask, blocking.longestGap].map(ms),
      ]);
      const header = [
        'ms',
        'start',
        'read',
        'compile',
        'image 1',
        'image 2',
        'to map 1',
        'longest task',
        'longest gap',
      ];
      console.log(table(header, rows));
      if (json) await writeFileAtomic(json, `${JSON.stringify(results, null, 2)}\n`);
    });
