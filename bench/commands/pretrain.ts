import type { Command } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { processIo } from '../../src/jobs/io.ts';
import { opTable } from '../by-op.ts';
import { describeEnvironment, environment, table } from '../output.ts';
import { benchPretrain, type PretrainBenchSettings } from '../pretrain.ts';
import { integer } from './options.ts';

export const addPretrainCommand = (program: Command): Command =>
  program
    .command('pretrain')
    .description(
      'a pretraining step of the small CLIP: drawing, preparing, computing; wall time and processor time',
    )
    .option('--batch <images>', 'images a step', integer, 32)
    .option('--image-size <pixels>', 'side of the images', integer, 64)
    .option('--width <n>', 'width of the image encoder', integer)
    .option('--layers <n>', 'blocks of the image encoder', integer)
    .option('--embed <n>', 'width of the joint embedding', integer)
    .option('--runs <n>', 'timed steps; medians, and means of the processor time', integer, 10)
    .option('--json <file>', 'write the result as JSON')
    .action(async ({ json, ...settings }: PretrainBenchSettings & { json?: string }) => {
      const gpu = await processIo.openGpu();
      try {
        const where = environment(gpu);
        console.log(describeEnvironment(where));
        const result = await benchPretrain(gpu, settings);
        const { gflop, dispatches, draw, prepare, step, loss, operators, shaders, shapes } = result;
        console.log(
          `${settings.batch} images of ${settings.imageSize} px, ${gflop.toFixed(1)} GFLOP, ${dispatches} dispatches; loss ${loss.toFixed(6)} after ${settings.runs + 1} steps`,
        );
        const rows = Object.entries({ draw, prepare, step }).map(([name, cost]) => [
          name,
          cost.milliseconds.toFixed(1),
          (100 * cost.spread).toFixed(0),
          cost.processor.toFixed(1),
        ]);
        console.log(table(['', 'ms', '+- %', 'processor ms'], rows));
        if (operators.length > 0)
          console.log(`${opTable(operators)}\n${opTable(shaders)}\n${opTable(shapes)}`);
        if (json)
          await writeFileAtomic(json, `${JSON.stringify({ environment: where, ...result }, null, 2)}\n`);
      } finally {
        gpu.close();
      }
    });
