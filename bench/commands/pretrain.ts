import type { Command } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { processIo } from '../../src/jobs/io.ts';
import { byOp, byShader, byShape, opTable } from '../by-op.ts';
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
    .option('--where <node|browser>', 'in Node with Dawn, or in Chromium', 'node')
    .option('--json <file>', 'write the result as JSON')
    .action(
      async ({ json, where, ...settings }: PretrainBenchSettings & { where: string; json?: string }) => {
        if (where !== 'node' && where !== 'browser')
          throw new Error(`--where: expected node or browser, found ${where}`);
        const { environment, result } = await (where === 'node' ? inNode(settings) : inBrowser(settings));
        console.log(describeEnvironment(environment));
        const { gflop, dispatches, draw, prepare, step, loss, times, ...rest } = result;
        console.log(
          `${settings.batch} images of ${settings.imageSize} px, ${gflop.toFixed(1)} GFLOP, ${dispatches} dispatches; loss ${loss.toFixed(6)} after ${settings.runs + 1} steps`,
        );
        const rows = Object.entries({ draw, prepare, step }).map(([name, cost]) => [
          name,
          cost.milliseconds.toFixed(1),
          (100 * cost.spread).toFixed(0),
          ...Object.values(cost.processor).map((ms) => ms.toFixed(1)),
        ]);
        const processors = Object.keys(step.processor).map((name) => `${name}, processor ms`);
        console.log(table(['', 'ms', '+- %', ...processors], rows));
        const tables = { operators: byOp(times), shaders: byShader(times), shapes: byShape(times) };
        if (times.length > 0) console.log(Object.values(tables).map(opTable).join('\n'));
        if (json) {
          const all = { environment, ...rest, gflop, dispatches, draw, prepare, step, loss, ...tables };
          await writeFileAtomic(json, `${JSON.stringify(all, null, 2)}\n`);
        }
      },
    );

async function inNode(settings: PretrainBenchSettings) {
  const gpu = await processIo.openGpu();
  try {
    const result = await benchPretrain(gpu, settings, async () => {
      const { user, system } = process.cpuUsage();
      return { Node: (user + system) / 1e3 };
    });
    return { environment: environment(gpu), result };
  } finally {
    gpu.close();
  }
}

/** The module is loaded only here: a GPU machine has no tools that build pages. */
const inBrowser = async (settings: PretrainBenchSettings) =>
  (await import('../pretrain-browser.ts')).benchPretrainBrowser(settings);
