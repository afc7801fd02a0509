import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Command, Option } from 'commander';
import { mesa26Missing } from '../../scripts/mesa26.mjs';
import { formatBytes } from '../../src/gpu/errors.ts';
import { openGpu } from '../../src/gpu/gpu.ts';
import { estimate, h100 } from '../estimate.ts';
import { table } from '../output.ts';
import {
  begin,
  compileFor,
  dispatchesByOperator,
  faults,
  largeGpu,
  type PipelineUse,
  type Pretended,
  pipelinesOf,
  plansOf,
  pretended,
} from '../pipelines.ts';
import { modelNames } from '../random-clip.ts';
import { root } from '../root.ts';
import { integer, requireSome } from './options.ts';

interface Options {
  model: string;
  gpu: Pretended[];
  registers: number;
  only: string;
}

export const addPipelinesCommand = (program: Command): Command => {
  program.command('compile-pipelines', { hidden: true }).argument('<file>').action(compileAll);
  return program
    .command('pipelines')
    .description(
      'compiles every pipeline of an image and of a step for GPUs that are only pretended (Mesa 26)',
    )
    .addOption(new Option('--model <name>').choices(modelNames).default('ViT-L/14@336px'))
    .addOption(new Option('--gpu <names...>').choices(Object.keys(pretended)).default(Object.keys(pretended)))
    .option('--registers <n>', 'most registers that a lane may need', integer, 128)
    .option('--only <text>', 'only shaders whose path contains this', '')
    .action(checkAll);
};

/** In the process on the pretended GPU: one pipeline after the other, so that what is printed can be told apart. */
async function compileAll(file: string): Promise<void> {
  const uses = JSON.parse(await readFile(file, 'utf8')) as PipelineUse[];
  const gpu = await openGpu();
  for (const [i, { shader, overrides }] of uses.entries()) {
    process.stderr.write(`${begin(i)}\n`);
    await gpu.pipelines.get(shader, overrides).catch((error: Error) => {
      process.stderr.write(`@@failed ${JSON.stringify(overrides)} ${error.message.split('\n')[0]}\n`);
    });
  }
  process.exit(0); // the pretended driver does not take its end well
}

async function checkAll({ model, gpu: gpus, registers, only }: Options): Promise<void> {
  const plans = plansOf(model);
  const names = { image: 'image', step: 'step', score: 'score', scoreOf8: 'score of 8 together' };
  const withoutUnits = { ...largeGpu, matrixUnits: [] };
  const bounds = Object.entries(plans).flatMap(([what, plan]) =>
    [largeGpu, withoutUnits].map((capabilities) => {
      const { dispatches, gflop, bytes, milliseconds, bound } = estimate(plan, capabilities, h100);
      const shares = [milliseconds, bound.arithmetic, bound.memory, bound.dispatch];
      return [
        `${names[what as keyof typeof names]}, ${capabilities.matrixUnits.length > 0 ? 'matrix units' : 'f32'}`,
        `${dispatches}`,
        gflop.toFixed(1),
        formatBytes(bytes),
        ...shares.map((ms) => ms.toFixed(2)),
      ];
    }),
  );
  console.log(
    `${model}: what an ${h100.name} needs at least, from counts: of every dispatch the largest of FLOP / ${h100.flops / 1e12} TFLOP/s ` +
      `(on matrix units 2 or 3 products at ${h100.matrixFlops / 1e12}), by the workgroups of the busiest of ${h100.cores} multiprocessors, ` +
      `bytes / ${h100.bandwidth / 1e12} TB/s and ${1e6 * h100.dispatch} us`,
  );
  console.log(
    table(
      ['', 'dispatches', 'GFLOP', 'bytes', 'ms', 'of it arithmetic', 'memory', 'starting dispatches'],
      bounds,
    ),
  );
  const counts = dispatchesByOperator(plans);
  console.log(table(['operator', 'dispatches of an image', 'of its score', 'of a step'], counts));
  if (mesa26Missing) {
    console.log(mesa26Missing);
    return;
  }
  const all = pipelinesOf(model);
  const uses = all.filter(({ shader }) => shader.path.includes(only));
  requireSome(
    '--only',
    only,
    uses.length,
    all.map(({ shader }) => path.basename(shader.path, '.wgsl')),
  );
  const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-pipelines-'));
  try {
    const file = path.join(folder, 'pipelines.json');
    await writeFile(file, JSON.stringify(uses));
    for (const gpu of gpus) {
      const compiled = await compileFor(
        gpu,
        [path.join(root, 'dist', 'bench.js'), 'compile-pipelines', file],
        uses.length,
      );
      const rows = compiled.map((c) => {
        const { shader, overrides, count, flops } = uses[c.pipeline]!;
        const wrong = faults(gpu, shader.path, c, registers);
        if (wrong.length > 0) process.exitCode = 1;
        const set = Object.entries(overrides).map(([name, value]) => `${name}=${Number(value)}`);
        return [
          `${path.basename(shader.path, '.wgsl')} ${set.join(' ')}`,
          String(count),
          (flops / 1e9).toFixed(1),
          String(c.instructions),
          String(c.registers),
          String(c.needed),
          String(c.spills),
          c.multiplyAdds > 0 ? `${(100 * c.multiplyAdds).toFixed(0)} %` : '',
          wrong.join(', '),
        ];
      });
      console.log(`${gpu}, ${model}: ${uses.length} pipelines, compiled for a GPU that is not here`);
      console.log(
        table(
          [
            'pipeline',
            'dispatches',
            'GFLOP',
            'instructions',
            'registers',
            'needed',
            'spills',
            'multiply-adds',
            'wrong',
          ],
          rows,
        ),
      );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
