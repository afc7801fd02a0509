import path from 'node:path';
import { type Command, Option } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { openGpu } from '../../src/gpu/gpu.ts';
import { processIo } from '../../src/jobs/io.ts';
import { benchFolder, withPhotographs } from '../folder.ts';
import { benchBatches } from '../folder-batches.ts';
import { describeEnvironment, environment, table } from '../output.ts';
import { modelNames, sizeOf } from '../random-clip.ts';
import { root } from '../root.ts';
import { integer, integers } from './options.ts';

interface Given {
  images: number;
  runs: number;
  clip: string;
  prompts: string;
  json?: string;
  batches?: number[];
  model: string;
  size?: number;
  f16?: boolean;
}

export const addFolderCommand = (program: Command): Command =>
  program
    .command('folder')
    .description('images per second of `faprompt detect` on a folder of photographs of mixed sizes')
    .argument('[more...]', "more arguments of detect, after '--'")
    .option('--images <n>', 'photographs, drawn', integer, 200)
    .option('--runs <n>', 'processes of each kind; medians count', integer, 3)
    .option('--clip <file>', 'CLIP weights', path.join(root, 'weights/small-clip.safetensors'))
    .option('--prompts <file>', 'trained prompts', path.join(root, 'weights/small-prompts.safetensors'))
    .option(
      '--batches <list>',
      'images encoded together, e.g. 1,4,8: in this process, with random weights',
      integers,
    )
    .addOption(new Option('--model <name>', 'with --batches').choices(modelNames).default('small'))
    .option('--size <pixels>', 'with --batches: side of the images', integer)
    .option('--f16', 'with --batches: frozen matrices in f16')
    .option('--json <file>', 'write the result as JSON')
    .action(async (more: string[], { json, ...options }: Given) => {
      if (options.batches) return compareBatches(options.batches, { json, ...options });
      const gpu = await openGpu();
      const where = environment(gpu);
      gpu.close();
      console.log(describeEnvironment(where));
      const result = await benchFolder({ ...options, more });
      console.log(
        `${result.images} photographs: ${result.all.toFixed(2)} s the process, one alone ${result.one.toFixed(2)} s: ` +
          `${result.imagesPerSecond.toFixed(1)} images per second (+- ${(100 * result.spread).toFixed(0)} %)`,
      );
      if (json)
        await writeFileAtomic(json, `${JSON.stringify({ environment: where, ...result }, null, 2)}\n`);
    });

async function compareBatches(batches: readonly number[], given: Given): Promise<void> {
  const { images, runs, model, size = sizeOf(model), f16: half = false, json } = given;
  const gpu = await processIo.openGpu();
  try {
    const where = environment(gpu);
    console.log(describeEnvironment(where));
    console.log(`${model}, ${size} px, ${half ? 'f16' : 'f32'} matrices, ${images} photographs`);
    const ms = (milliseconds: number) => milliseconds.toFixed(2);
    const result = await withPhotographs(images, (folder) =>
      benchBatches(gpu, folder, {
        ...{ model, size, half, runs, batches },
        onStages({ encode, ...others }) {
          const rows = [
            ...Object.entries(others).map(([stage, time]) => [stage, ms(time)]),
            ...Object.entries(encode).map(([batch, time]) => [`encode, ${batch} together`, ms(time)]),
          ];
          console.log(table(['one image, each stage alone', 'ms'], rows));
        },
        onLap: (batch, rate) => console.log(`${batch} together: ${rate.toFixed(1)} images/s`),
      }),
    );
    const { rates } = result;
    console.log(
      table(
        ['together', 'images/s', '+- %', 'processor ms', 'GPU busy %'],
        rates.map(({ batch, imagesPerSecond, spread, processor, busy }) => [
          String(batch),
          imagesPerSecond.toFixed(1),
          (100 * spread).toFixed(0),
          processor.toFixed(1),
          (100 * Math.min(1, busy)).toFixed(0),
        ]),
      ),
    );
    if (json) await writeFileAtomic(json, `${JSON.stringify({ environment: where, ...result }, null, 2)}\n`);
  } finally {
    gpu.close();
  }
}
