// What `bench quality` says: read from the files of results, printed, and as JSON.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { BenchmarkConfig } from '../../src/benchmark/config.ts';
import { readResults } from '../../src/benchmark/folder.node.ts';
import { formatTables } from '../../src/benchmark/format.ts';
import { benchmarkTables } from '../../src/benchmark/tables.ts';
import type { Evaluation } from '../../src/eval/index.ts';
import { formatReal, type RealTable } from './real.ts';
import { heldOut, type QualityConfigs } from './settings.ts';
import { formatRows, type Row, rowOf, summarize, verdicts } from './summary.ts';

export const probes = {
  transfer: 'linear probe, trained on the auxiliary classes',
  capacity: 'linear probe, cross-validated on the held-out classes',
} as const;
export type ProbeName = keyof typeof probes;

/** @param of a seed, or a data set of photographs at a size */
export const probeFile = (folder: string, name: ProbeName, of: number | string): string =>
  path.join(folder, 'probes', `${name}-${of}.json`);

/** The figures, for people and for programs. */
export async function readReport(
  folder: string,
  { main, ablations }: QualityConfigs,
  photographs: readonly RealTable[],
) {
  const rows = [...(await readRows(main, heldOut)), ...(await readProbes(folder, main.seeds))];
  const byName = (name: string) => rows.find((row) => row.name === name);
  const own = byName('faprompt');
  const others = main.methods.flatMap(({ name }) => (name === 'faprompt' ? [] : (byName(name) ?? [])));
  const checks = own ? verdicts(own, others) : []; // --methods may leave it out
  const classes = await readClasses(main, 'faprompt');
  const ablated = ablations ? await readRows(ablations, heldOut) : [];
  const sweeps = ablated.filter(({ name }) => /^(faprompt|first-patches)$|^(prompts|patches)-/.test(name));
  const seeds = (config: BenchmarkConfig) =>
    `mean ± sample standard deviation over ${config.seeds.length} seeds`;
  const text = [
    `Held-out classes with held-out defects: percent, ${seeds(main)}`,
    formatRows(rows),
    ...checks,
    ...(own ? ['\nFAPrompt, class by class', formatRows(classes)] : []),
    ...photographs.map(formatReal),
    ...(ablations
      ? [
          `\n${await paperTables(ablations)}`,
          `\nFigure 3 (K = 10 and M = 10 in FAPrompt), ${seeds(ablations)}`,
          formatRows(sweeps),
        ]
      : []),
  ].join('\n');
  const asJson = (all: readonly Row[]) => all.map((row) => ({ ...row, summary: summarize(row) }));
  return {
    text,
    json: {
      heldOut: asJson(rows),
      checks,
      classes: asJson(classes),
      ablations: asJson(ablated),
      real: photographs.map(({ rows: own, ...table }) => ({ ...table, rows: asJson(own) })),
    },
  };
}

/** Tables 3 to 5. */
async function paperTables(config: BenchmarkConfig): Promise<string> {
  const { results } = await readResults(config);
  return formatTables(
    benchmarkTables(config, results).filter(({ title }) => /^Table [345]/.test(title)),
    'text',
  );
}

/** Rows of one data set, a row for each method. */
async function readRows(config: BenchmarkConfig, test: string): Promise<Row[]> {
  const { results } = await readResults(config);
  return config.methods.map(({ name, title }) => {
    const own = results.filter((result) => result.method === name && result.test === test);
    return rowOf(
      name,
      title,
      own.map(({ seed, evaluation }) => ({ seed: seed ?? 0, row: evaluation.mean })),
    );
  });
}

/** The held-out classes, a row for each. */
async function readClasses(config: BenchmarkConfig, method: string): Promise<Row[]> {
  const { results } = await readResults(config);
  const own = results.filter((result) => result.method === method && result.test === heldOut);
  const found = own.flatMap(({ seed, evaluation }) =>
    (evaluation as Evaluation).classes.map((row) => ({ seed: seed ?? 0, row })),
  );
  return [...new Set(found.map(({ row }) => row.name))].map((name) =>
    rowOf(
      name,
      name,
      found.filter(({ row }) => row.name === name),
    ),
  );
}

async function readProbes(folder: string, seeds: readonly number[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of Object.keys(probes) as ProbeName[]) {
    const found = [];
    for (const seed of seeds) {
      const text = await readFile(probeFile(folder, name, seed), 'utf8');
      found.push({ seed, row: (JSON.parse(text) as Evaluation).mean });
    }
    rows.push(rowOf(`probe-${name}`, probes[name], found));
  }
  return rows;
}
