import { type Command, Option } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { openGpu } from '../../src/gpu/gpu.ts';
import { processIo } from '../../src/jobs/io.ts';
import { createProgress } from '../../src/jobs/progress.ts';
import { opTests } from '../../testing/op-tests.ts';
import type { KernelResult } from '../kernel-time.ts';
import { benchKernels, countKernels } from '../kernels.ts';
import { describeEnvironment, environment, table } from '../output.ts';
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
        });
        progress.stop();
        console.log(
          `ceilings: ${ceilings.gflops.toFixed(1)} GFLOP/s (matrix product), ${ceilings.gigabytes.toFixed(1)} GB/s (copy)`,
        );
        console.log(table(header, kernels.map(row)));
        if (json)
          await writeFileAtomic(
            json,
            `${JSON.stringify({ environment: where, ceilings, kernels }, null, 2)}\n`,
          );
        if (plot) await writeFileAtomic(plot, await roofline(kernels, ceilings, where.adapter));
      } finally {
        progress.stop();
        gpu.close();
      }
    });
