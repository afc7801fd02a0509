import path from 'node:path';
import { type Command, Option } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { benchCold, firstResult } from '../cold.ts';
import { table } from '../output.ts';
import { modelNames } from '../random-clip.ts';
import { root } from '../root.ts';
import { integer } from './options.ts';

const modelOption = () => new Option('--model <name>').choices(modelNames).default('small');

export const addColdCommand = (program: Command): Command => {
  program
    .command('first-result', { hidden: true })
    .addOption(modelOption())
    .action(async ({ model }: { model: string }) => {
      process.stdout.write(JSON.stringify(await firstResult(model)));
    });
  return program
    .command('cold')
    .description("from a process's start to its first heat map, with an empty and with a warm driver cache")
    .addOption(modelOption())
    .option('--runs <n>', 'processes of each kind; the median counts', integer, 3)
    .option('--json <file>', 'write the result as JSON')
    .action(async ({ model, runs, json }: { model: string; runs: number; json?: string }) => {
      const result = await benchCold(path.join(root, 'dist', 'bench.js'), {
        model,
        runs,
        onRun: (cache, ms) => console.log(`${cache} driver cache: first result after ${ms.toFixed(0)} ms`),
      });
      const { empty, warm, compiled } = result;
      console.log(`${result.adapter}, ${model}, medians of ${runs} processes; ms since the start`);
      const stages = Object.keys(empty.stages) as (keyof typeof empty.stages)[];
      console.log(
        table(
          ['driver cache', ...stages, 'first result, with the process itself'],
          [empty, warm].map(({ milliseconds, stages: at }, i) => [
            i === 0 ? 'empty' : 'warm',
            ...stages.map((stage) => at[stage].toFixed(0)),
            milliseconds.toFixed(0),
          ]),
        ),
      );
      const sum = compiled.reduce((total, { milliseconds }) => total + milliseconds, 0);
      console.log(
        `${compiled.length} pipelines, requested together; ${sum.toFixed(0)} ms from request to pipeline in sum`,
      );
      console.log(
        table(
          ['slowest, empty cache', 'ms'],
          compiled.slice(0, 10).map(({ shader, milliseconds }) => [shader, milliseconds.toFixed(0)]),
        ),
      );
      if (json) await writeFileAtomic(json, `${JSON.stringify(result, null, 2)}\n`);
    });
};
