import { type Command, Option } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { openGpu } from '../../src/gpu/gpu.ts';
import { processIo } from '../../src/jobs/io.ts';
import { createProgress } from '../../src/jobs/progress.ts';
import { opTests } from '../../testing/op-tests.ts';
import type { KernelResult } from '../kernel-time.ts';
import { benchKernels, countKernels } from '../kernels.ts';
import { describeEnvironment, environment } from '../output.ts';
import { roofline } from '../roofline.ts';
import { requireSome } from './options.ts';

interface Given {
  filter: string;
  shapes: 'cases' | 'model' | 'all';
  quick?: boolean;
  variants?: boolean;
  json?: string;
  plot?: string;
}

/** A line of a table whose other lines are not known yet. */
const line = ([name, ...numbers]: readonly string[]): string =>
  [name!.padEnd(56), ...numbers.map((number) => number.padStart(9))].join(' ');

const header = ['kernel', 'us', '+- %', 'GFLOP/s', 'GB/s', 'FLOP/B', '% matmul', '% copy'];
const percent = (fraction: number) => (100 * fraction).toFixed(0);

const row = (k: KernelResult): string[] => [
  `${k.op}/${k.case}${k.variant ? ` (${k.variant})` : ''}${k.direction === 'backward' ? ' backward' : ''}`,
  (k.milliseconds * 1e3).toFixed(1),
  percent(k.spread),
  k.gflops.toFixed(2),
  k.gigabytes.toFixed(2),
  k.flopsPerByte.toFixed(1),
  percent(k.ofArithmetic),
  percent(k.ofBandwidth),
];

export const addKernelsCommand = (program: Command): Command =>
  program
    .command('kernels')
    .description(
      "the model's own shapes and the operators' cases, checked against float64 before they are timed",
    )
    .option('--filter <text>', 'only operators and cases whose "operator/case" contains this', '')
    .addOption(
      new Option('--shapes <which>', "the model's own shapes, the operators' cases in each variant, or both")
        .choices(['model', 'cases', 'all'])
        .default('all'),
    )
    .option('--variants', "the model's own shapes in each variant, too")
    .option('--quick', 'few runs')
    .option('--json <file>', 'write the result as JSON')
    .option('--plot <file>', 'write the roofline as SVG')
    .action(async ({ filter, shapes, quick = false, variants = false, json, plot }: Given) => {
      const gpu = await openGpu();
      const where = environment(gpu);
      console.log(describeEnvironment(where));
      const count = countKernels(gpu, { filter, shapes });
      requireSome(
        '--filter',
        filter,
        count,
        opTests.map(({ op }) => `${op.name}/...`),
      );
      const progress = createProgress(processIo, 'kernels', count);
      try {
        const { ceilings, kernels } = await benchKernels(gpu, {
          filter,
          quick,
          variants,
          shapes,
          onProgress: (name, done) => progress.update(done, name),
          async onResult(latest, all) {
            if (all.kernels.length === latest.length) {
              const { gflops, gigabytes } = all.ceilings;
              console.log(
                `ceilings: ${gflops.toFixed(1)} GFLOP/s (matrix product), ${gigabytes.toFixed(1)} GB/s (copy)\n${line(header)}`,
              );
            }
            for (const kernel of latest) console.log(line(row(kernel)));
            if (json)
              await writeFileAtomic(json, `${JSON.stringify({ environment: where, ...all }, null, 2)}\n`);
          },
        });
        progress.stop();
        if (plot) await writeFileAtomic(plot, await roofline(kernels, ceilings, where.adapter));
      } finally {
        progress.stop();
        gpu.close();
      }
    });
