// npm run bench -- kernels | step: what the kernels and a training step cost on this adapter.
import { Command } from 'commander';
import { writeFileAtomic } from '../src/data/files.node.ts';
import { benchKernels } from './kernels.ts';
import { benchModels } from './random-clip.ts';
import { benchStep } from './step.ts';

const program = new Command('bench').description(
  'benchmarks; figures of a software adapter say nothing about GPUs',
);
const save = async (file: string | undefined, result: object) => {
  if (file !== undefined) await writeFileAtomic(file, `${JSON.stringify(result, null, 1)}\n`);
};

program
  .command('kernels')
  .description("every operator's cases, each variant: checked, then timed by GPU timestamps")
  .option('--filter <text>', 'operator/case contains this')
  .option('--runs <n>', 'timed runs of each', Number, 7)
  .option('--json <file>', 'write all figures')
  .action(async ({ json, ...options }) => save(json, await benchKernels(options)));

program
  .command('step')
  .description('one training step with cached features, and one image through the encoder')
  .option('--model <name>', Object.keys(benchModels).join(', '), 'small')
  .option('--size <pixels>', 'image size (default: 518 for patches of 14, else the CLIP’s own)', Number)
  .option('--batch <n>', 'images a step', Number, 8)
  .option('--steps <n>', 'timed steps', Number, 10)
  .option('--half', 'matrices in f16')
  .option('--no-encoder', 'leave the image encoder out')
  .option('--json <file>', 'write all figures')
  .action(async ({ json, half = false, ...options }) => {
    if (!benchModels[options.model])
      throw new Error(`--model: expected ${Object.keys(benchModels).join(', ')}, found ${options.model}`);
    await save(json, await benchStep({ ...options, half }));
  });

await program.parseAsync();
