import { type Command, InvalidArgumentError } from 'commander';
import { openGpu } from '../../src/gpu/gpu.ts';
import { describeEnvironment, environment } from '../output.ts';
import { benchProducts, productShapes, type TrialLayout } from '../products.ts';
import { integer, requireSome } from './options.ts';

interface Given {
  filter: string;
  budget: number;
  boundsChecks: boolean;
  trial: TrialLayout[];
}

function layoutOf(text: string, before: TrialLayout[]): TrialLayout[] {
  const numbers = text.split(',').map(Number);
  if (numbers.length !== 3 || !numbers.every((n) => [1, 2, 4].includes(n)))
    throw new InvalidArgumentError(`expected ROWS,COLUMNS,SLICES, each 1, 2 or 4, found ${text}`);
  return [...before, numbers as unknown as TrialLayout];
}

export const addProductsCommand = (program: Command): Command =>
  program
    .command('products')
    .description(
      "every variant of the matrix product at an image's and a step's shapes, its error beside its time",
    )
    .option('--filter <text>', 'only shapes whose name contains this', '')
    .option('--budget <ms>', 'time for one variant at one shape', integer, 60)
    .option(
      '--trial <layout...>',
      'subgroups of a workgroup along rows, columns and K (4,1,1), beside the variants',
      layoutOf,
      [],
    )
    .option('--no-bounds-checks', 'shaders without bounds checks')
    .action(async ({ filter, budget, boundsChecks, trial }: Given) => {
      const names = productShapes.map(({ name }) => name);
      requireSome('--filter', filter, names.filter((name) => name.includes(filter)).length, names);
      const gpu = await openGpu({ boundsChecks });
      try {
        console.log(describeEnvironment(environment(gpu)));
        console.log(`matrix units: ${JSON.stringify(gpu.capabilities.matrixUnits)}`);
        let wrong = 0;
        // A line as each is known: a GPU that is lent may be gone before the last.
        await benchProducts(gpu, {
          filter,
          budget,
          layouts: trial,
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
