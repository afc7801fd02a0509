import type { Command } from 'commander';
import { openGpu } from '../../src/gpu/gpu.ts';
import { describeEnvironment, environment } from '../output.ts';
import { benchProducts } from '../products.ts';
import { integer } from './options.ts';

interface Given {
  filter: string;
  budget: number;
  boundsChecks: boolean;
}

export const addProductsCommand = (program: Command): Command =>
  program
    .command('products')
    .description(
      "every variant of the matrix product at an image's and a step's shapes, its error beside its time",
    )
    .option('--filter <text>', 'only shapes whose name contains this', '')
    .option('--budget <ms>', 'time for one variant at one shape', integer, 60)
    .option('--no-bounds-checks', 'shaders without bounds checks')
    .action(async ({ filter, budget, boundsChecks }: Given) => {
      const gpu = await openGpu({ boundsChecks });
      try {
        console.log(describeEnvironment(environment(gpu)));
        console.log(`matrix units: ${JSON.stringify(gpu.capabilities.matrixUnits)}`);
        let wrong = 0;
        // A line as each is known: a GPU that is lent may be gone before the last.
        await benchProducts(gpu, {
          filter,
          budget,
          onResult({ shape: { name, M, K, N }, variant, microseconds, gflops, error, wrong: bad }) {
            wrong += Number(bad);
            console.log(
              [
                `${name} ${M}x${K}x${N}`.padEnd(36),
                variant.padEnd(20),
                `${microseconds.toFixed(1).padStart(10)} us`,
                `${gflops.toFixed(0).padStart(8)} GFLOP/s`,
                `error ${error.toExponential(1)}${bad ? ' WRONG' : ''}`,
              ].join('  '),
            );
          },
        });
        if (wrong > 0) process.exitCode = 1;
        console.log(wrong > 0 ? `${wrong} results are wrong` : 'all results are right');
      } finally {
        gpu.close();
      }
    });
