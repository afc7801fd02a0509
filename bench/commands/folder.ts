import path from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { openGpu } from '../../src/gpu/gpu.ts';
import { benchFolder } from '../folder.ts';
import { describeEnvironment, environment } from '../output.ts';
import { root } from '../root.ts';
import { integer } from './options.ts';

interface Given {
  images: number;
  runs: number;
  clip: string;
  prompts: string;
  json?: string;
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
    .option('--json <file>', 'write the result as JSON')
    .action(async (more: string[], { json, ...options }: Given) => {
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
