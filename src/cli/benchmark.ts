// `faprompt benchmark CONFIG`: the paper's tables, from training and evaluating whatever of them is missing.
import path from 'node:path';
import { Command, Option } from 'commander';
import { checkOutputFolder, writeFileAtomic } from '../base/files.node.ts';
import type { BenchmarkConfig } from '../benchmark/config.ts';
import { readConfig, readResults } from '../benchmark/folder.node.ts';
import { formatTables, type TableFormat, tableFormats } from '../benchmark/format.ts';
import { benchmarkPlan, type Plan } from '../benchmark/runs.ts';
import { benchmarkTables, complexityTables } from '../benchmark/tables.ts';
import { benchmarkFeatures, runBenchmark } from '../jobs/benchmark.ts';
import { ExitError, type Io, UsageError } from '../jobs/io.ts';
import { defaultCache } from '../train/features/features.node.ts';

interface Given {
  readonly plan?: boolean | keyof Plan;
  readonly command: string;
  readonly run?: string;
  readonly features?: string;
  readonly tables?: boolean;
  readonly format: TableFormat;
  readonly json?: boolean;
  readonly cache: string;
}

const stages = ['features', 'runs', 'tables'] as const satisfies readonly (keyof Plan)[];

export const benchmarkCommand = (io: Io): Command =>
  new Command('benchmark')
    .description("train and evaluate methods on many data sets, and print the paper's tables")
    .argument('<config>', 'JSON file (docs/BENCHMARK.md); paths in it are relative to its folder')
    .addOption(new Option('--format <name>', 'of the tables').choices(tableFormats).default('text'))
    .option('--json', 'print tables and results as JSON instead')
    .option('--tables', 'only print the tables of the results that are there')
    .option('--run <id>', 'only make the results of one run, and print no tables')
    .option('--features <clip>', "only compute the image features that a CLIP's runs need")
    .addOption(
      new Option(
        '--plan [stage]',
        'print shell commands instead of doing anything; those of one stage do not depend on each other',
      ).choices(stages),
    )
    .option('--command <text>', 'with --plan: how faprompt is called', 'npx faprompt')
    .addOption(
      new Option('--cache <dir>', 'folder of the image feature cache').default(
        defaultCache(),
        'faprompt/features in the cache folder, ~/.cache',
      ),
    )
    .addHelpText(
      'after',
      `
Interrupting (Ctrl-C) exits with code 130; the same command goes on where it stopped, also after a crash. The tables are
also written to the configuration's "out" folder: tables.txt, tables.md, tables.csv, tables.json.`,
    )
    .action((file: string, given: Given) => benchmark(io, file, given));

async function benchmark(io: Io, file: string, given: Given): Promise<void> {
  const modes = (['plan', 'run', 'features', 'tables'] as const).filter((mode) => given[mode] !== undefined);
  if (modes.length > 1) throw new UsageError(`--${modes[0]} and --${modes[1]}: expected one of them`);
  const config = await readConfig(file);
  const { cache, run } = given;
  if (given.plan) return printPlan(io, config, file, given);
  await checkOutputFolder(config.out, `${file}: out`);
  if (given.features !== undefined) {
    if (!(await benchmarkFeatures(io, config, { cache, clip: given.features }))) throw new ExitError(130);
    return;
  }
  if (!given.tables) {
    const { finished, failed } = await runBenchmark(io, config, { cache, run });
    if (!finished) {
      io.note('interrupted: the same command goes on from here');
      throw new ExitError(130);
    }
    if (run !== undefined) {
      if (failed.length > 0) throw new ExitError(1);
      return;
    }
  }
  await printTables(io, config, given);
}

async function printTables(io: Io, config: BenchmarkConfig, { format, json }: Given): Promise<void> {
  const { results, missing } = await readResults(config);
  const tables = benchmarkTables(config, results);
  const asJson = `${JSON.stringify({ tables, missing, results }, null, 2)}\n`;
  const complexity = complexityTables(config, results);
  io.out(json ? asJson.trimEnd() : formatTables([...tables, ...complexity], format));
  for (const [name, text] of [
    ['tables.txt', formatTables(tables, 'text')],
    ['tables.md', formatTables(tables, 'markdown')],
    ['tables.csv', formatTables(tables, 'csv')],
    ['complexity.txt', formatTables(complexity, 'text')],
  ] as const)
    await writeFileAtomic(path.join(config.out, name), `${text}\n`);
  await writeFileAtomic(path.join(config.out, 'tables.json'), asJson);
  for (const each of missing) io.note(`missing: ${each}`);
  const unread = results.filter(({ problems }) => problems.length > 0);
  for (const { run, test, problems } of unread)
    io.note(`${run}, ${test}: ${problems.length} images could not be used`);
  if (missing.length + unread.length > 0) throw new ExitError(1);
}

function printPlan(
  io: Io,
  config: BenchmarkConfig,
  file: string,
  { plan: stage, command, json }: Given,
): void {
  const plan = benchmarkPlan(config, command, ['benchmark', path.resolve(file)]);
  if (json) io.out(JSON.stringify(plan, null, 2));
  else if (typeof stage === 'string') io.out(plan[stage].join('\n'));
  else
    io.out(
      stages
        .map((name, i) =>
          [`# ${i + 1}. ${name}${i > 0 ? ', after all of the above' : ''}`, ...plan[name]].join('\n'),
        )
        .join('\n'),
    );
}
