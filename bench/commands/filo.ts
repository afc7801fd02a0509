import { type Command, Option } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { formatBytes } from '../../src/gpu/errors.ts';
import { processIo } from '../../src/jobs/io.ts';
import { benchFilo } from '../filo.ts';
import { describeEnvironment, environment, table } from '../output.ts';
import { modelNames, sizeOf } from '../random-clip.ts';
import { integer } from './options.ts';

interface Given {
  model: string;
  size?: number;
  runs: number;
  f16?: boolean;
  class: string;
  json?: string;
}

export const addFiloCommand = (program: Command): Command =>
  program
    .command('filo')
    .description('FiLO with seeded random weights: image encoder, detection, a step of either phase')
    .addOption(new Option('--model <name>').choices(modelNames).default('small'))
    .option('--size <pixels>', 'side of the images', integer)
    .option('--runs <n>', 'timed runs; the median counts; 0: memory and work alone', integer, 3)
    .option('--f16', 'frozen matrices in f16')
    .option('--class <name>', 'whose descriptions the texts have', 'bottle')
    .option('--json <file>', 'write the result as JSON')
    .action(async ({ model, size = sizeOf(model), runs, f16 = false, class: className, json }: Given) => {
      const gpu = await processIo.openGpu();
      const where = environment(gpu);
      console.log(describeEnvironment(where));
      try {
        const { learnables, rows } = await benchFilo(gpu, { model, size, runs, half: f16, className });
        console.log(
          `${model}, ${size} px, ${f16 ? 'f16' : 'f32'} matrices, texts of ${className}; ${(learnables / 1e6).toFixed(1)} M learnables`,
        );
        const cells = rows.map(({ what, milliseconds, spread, gflop, bytes, peak, top }) => [
          what,
          runs === 0 ? '-' : `${(milliseconds / 1e3).toFixed(2)} s +- ${(100 * spread).toFixed(0)} %`,
          gflop.toFixed(0),
          runs === 0 ? '-' : (gflop / (milliseconds / 1e3)).toFixed(1),
          formatBytes(bytes),
          formatBytes(peak),
          top,
        ]);
        const header = ['', 'time', 'GFLOP', 'GFLOP/s', 'planned', 'held', 'slowest operators, ms'];
        console.log(table(header, cells));
        if (json)
          await writeFileAtomic(
            json,
            `${JSON.stringify({ environment: where, learnables, rows }, null, 2)}\n`,
          );
      } finally {
        gpu.close();
      }
    });
