import type { Command } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { taskLines } from '../../testing/browser/tasks.ts';
import { badFiles, benchDay } from '../day.ts';
import { benchLive } from '../live.ts';
import { table } from '../output.ts';
import { integer } from './options.ts';

export function addDayCommand(program: Command): Command {
  program
    .command('live')
    .description(
      "the page's live mode with a fake camera in Chromium: frames a second, frames dropped, memory",
    )
    .option('--seconds <n>', 'how long', integer, 600)
    .option('--every <n>', 'seconds between two measurements', integer, 60)
    .option('--json <file>', 'write the result as JSON')
    .action(async ({ seconds, every, json }: { seconds: number; every: number; json?: string }) => {
      const moments = await benchLive(seconds, every, (moment) => console.log(JSON.stringify(moment)));
      if (json) await writeFileAtomic(json, `${JSON.stringify(moments, null, 2)}\n`);
    });
  return program
    .command('day')
    .description(
      `an inspector's day with the page in Chromium: hub, CLIP of B/32's shapes, calibration, photographs (${badFiles} bad files), CSV, ZIP, reload`,
    )
    .option('--photos <n>', 'photographs', integer, 200)
    .option(
      '--tiny',
      'a tiny CLIP: all of the day but the computing, for hundreds of photographs in minutes',
      false,
    )
    .option('--json <file>', 'write the result as JSON')
    .action(async ({ photos, tiny, json }: { photos: number; tiny: boolean; json?: string }) => {
      const { phases, ...day } = await benchDay({ photographs: photos, tiny }, (text) => console.log(text));
      console.log(
        table(
          ['a day', ''],
          Object.entries(day).map(([name, value]) => [
            name,
            typeof value === 'number' ? value.toFixed(1) : value,
          ]),
        ),
      );
      console.log('longest tasks of the main thread');
      for (const line of taskLines(phases)) console.log(`  ${line}`);
      if (json) await writeFileAtomic(json, `${JSON.stringify({ ...day, phases }, null, 2)}\n`);
    });
}
