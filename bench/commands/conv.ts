import type { Command } from 'commander';
import { processIo } from '../../src/jobs/io.ts';
import { benchConv, type ConvSettings } from '../conv.ts';
import { describeEnvironment, environment, table } from '../output.ts';
import { integer } from './options.ts';

export const addConvCommand = (program: Command): Command =>
  program
    .command('conv')
    .description("FiLO's convolution against matrix products of gathered pixels, in turns")
    .option('--grid <patches>', 'side of the grid', integer, 37)
    .option(
      '--channels <n>',
      'of the patches (1024, FiLO on ViT-L, take a buffer of 147 MiB, which lavapipe refuses)',
      integer,
      768,
    )
    .option('--out-channels <n>', 'of the result', integer, 768)
    .option('--kernel <n>', 'side of the kernel', integer, 7)
    .option('--runs <n>', 'timed runs; the median counts', integer, 3)
    .action(async (settings: ConvSettings) => {
      const gpu = await processIo.openGpu();
      try {
        console.log(describeEnvironment(environment(gpu)));
        const { grid, channels, outChannels, kernel } = settings;
        console.log(`${channels} to ${outChannels} channels, ${kernel} x ${kernel}, on ${grid} x ${grid}`);
        const rows = (await benchConv(gpu, settings)).map(({ what, gflop, conv, gathered, difference }) => {
          const rate = (ms: number) => (gflop / (ms / 1e3)).toFixed(1);
          const time = ({ median, spread }: typeof conv) =>
            `${median.toFixed(0)} +- ${(100 * spread).toFixed(0)} %`;
          return [
            what,
            gflop.toFixed(1),
            time(conv),
            time(gathered),
            rate(conv.median),
            rate(gathered.median),
            (gathered.median / conv.median).toFixed(2),
            difference.toExponential(1),
          ];
        });
        const header = ['', 'GFLOP', 'conv ms', 'gathered ms', 'GFLOP/s', 'gathered', 'ratio', 'difference'];
        console.log(table(header, rows));
      } finally {
        gpu.close();
      }
    });
