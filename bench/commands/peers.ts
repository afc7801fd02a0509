// npm run bench -- peers: ours against the other WebGPU libraries, in Node and in Chromium.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import { table } from '../output.ts';
import { type Candidacy, type Comparison, compareLibraries, type LibraryResult } from '../peers/compare.ts';
import { type NamedProblem, type Problem, problems } from '../peers/problems.ts';
import { torchWorker } from '../peers/torch-worker.ts';
import {
  browserLibraries,
  type LibraryName,
  nodeLibraries,
  nodeWorker,
  openBrowser,
  preparePeers,
} from '../peers/workers.ts';
import { integer, requireSome } from './options.ts';

/** Matmul and whole blocks on a software adapter: 4; everything else, and GPUs: 1.5. */
export function goalOf({ kind }: Problem, software: boolean): number {
  return software && (kind === 'matmul' || kind.startsWith('block')) ? 4 : 1.5;
}

interface Given {
  filter: string;
  where: 'node' | 'browser';
  rounds: number;
  quick?: true;
  gpu?: true;
  variants: string;
  only?: string[];
  before?: string;
  torch?: true;
  json?: string;
}

interface Report {
  readonly where: string;
  readonly comparisons: readonly Comparison[];
}

export const addPeersCommand = (program: Command): Command =>
  program
    .command('peers')
    .description('ours against ONNX Runtime, jax-js and TensorFlow.js on one adapter')
    .option('--filter <pattern>', 'only problems whose name fits this regular expression', '')
    .option('--where <node|browser>', 'in Node with Dawn, or in Chromium', 'node')
    .option('--rounds <n>', 'turns of each library; the median counts', integer, 7)
    .option('--quick', 'three short turns')
    .option('--gpu', 'the browser shall use a GPU instead of its software adapter')
    .option('--variants <pairs>', 'operator=variant pairs, separated by commas, that ours is forced to', '')
    .option('--only <libraries...>', 'instead of all libraries')
    .option(
      '--before <checkout>',
      'ours of another checkout beside them, where bench/peers/build.mjs has been run',
    )
    .option('--torch', 'PyTorch beside them, for orientation')
    .option('--json <file>', 'write the results; problems that the file has already are kept or replaced')
    .action(async (given: Given) => {
      if (given.where !== 'node' && given.where !== 'browser')
        throw new Error(`--where: expected node or browser, found ${given.where}`);
      const pattern = new RegExp(given.filter);
      const inBrowser = given.where === 'browser';
      const chosen = problems.filter(({ name, browser }) => pattern.test(name) && (!inBrowser || browser));
      requireSome(
        '--filter',
        given.filter,
        chosen.length,
        problems.map(({ name }) => name),
      );
      const offered: readonly LibraryName[] = inBrowser ? browserLibraries : nodeLibraries;
      const names = offered.filter((name) => given.only?.includes(name) ?? true);
      requireSome('--only', given.only?.join(' ') ?? '', names.length, offered);
      preparePeers(names);
      const browser = inBrowser ? await openBrowser(!given.gpu) : undefined;
      const { worker } = browser ?? { worker: nodeWorker };
      const before = given.before && path.resolve(given.before);
      const libraries: Candidacy[] = [
        ...names.map((name) => ({ name, open: () => worker(name, given.variants) })),
        ...(before ? [{ name: 'before', open: () => worker('faprompt', given.variants, before) }] : []),
      ];
      let report: Report = { where: browser?.version ?? `Node ${process.version}`, comparisons: [] };
      if (given.json && existsSync(given.json)) {
        const earlier = JSON.parse(readFileSync(given.json, 'utf8')) as Report;
        if (earlier.where === report.where) report = earlier;
      }
      console.log(report.where);
      try {
        for (const [i, problem] of chosen.entries()) {
          const comparison = await measure(problem, libraries, given);
          console.log(`[${i + 1}/${chosen.length}] ${describeComparison(comparison)}`);
          report = {
            ...report,
            comparisons: [...report.comparisons.filter((c) => c.problem !== problem.name), comparison],
          };
          if (given.json) await writeFileAtomic(given.json, `${JSON.stringify(report, null, 2)}\n`);
        }
      } finally {
        await browser?.close();
      }
      console.log(describeReport(report.comparisons));
      const silent = libraries.filter(({ name }) => !report.comparisons.some((c) => hasTime(c, name)));
      if (silent.length > 0) throw new Error(`no time of ${silent.map(({ name }) => name).join(', ')}`);
    });

const hasTime = ({ results }: Comparison, name: string): boolean =>
  results.some(({ library, milliseconds }) => library === name && milliseconds !== undefined);

async function measure(
  problem: NamedProblem,
  libraries: readonly Candidacy[],
  given: Given,
): Promise<Comparison> {
  const software = !given.gpu;
  const settings = given.quick
    ? { rounds: 3, turnMilliseconds: 30 }
    : { rounds: given.rounds, turnMilliseconds: 300 };
  const orientation = given.torch ? [{ name: 'PyTorch', open: torchWorker }] : [];
  // Beside itself alone it is to be no slower.
  const others = libraries.some(({ name }) => name !== 'faprompt' && name !== 'before');
  const goal = others || !given.before ? goalOf(problem.problem, software) : 1;
  return compareLibraries(problem, { libraries, orientation }, goal, settings);
}

const milliseconds = (ms: number): string =>
  ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0);

function describeComparison({ problem, results }: Comparison): string {
  const one = ({ library, milliseconds: ms, spread, notes }: LibraryResult) =>
    `${library} ${ms === undefined ? '-' : `${milliseconds(ms)} ms +- ${(100 * spread!).toFixed(0)} %`}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`;
  return `${problem}: ${results.map(one).join(', ')}`;
}

/** The table of ratios, and in words what misses its goal. */
export function describeReport(comparisons: readonly Comparison[]): string {
  const libraries = [...new Set(comparisons.flatMap(({ results }) => results.map((r) => r.library)))];
  const rows = comparisons.map(({ problem, results, ratio, best, goal }) => [
    problem,
    ...libraries.map((name) => {
      const found = results.find((r) => r.library === name);
      return found?.milliseconds === undefined ? '-' : milliseconds(found.milliseconds);
    }),
    ratio === undefined ? '-' : ratio.toFixed(2),
    goal.toFixed(1),
    best ?? '-',
  ]);
  const compared = comparisons.filter(({ ratio }) => ratio !== undefined);
  const missed = compared.filter(({ ratio, goal }) => ratio! < goal);
  const notes = [
    ...new Set(
      comparisons.flatMap(({ problem, results }) =>
        results.flatMap((r) => r.notes.map((note) => `${r.library}, ${problem}: ${note}`)),
      ),
    ),
  ];
  const about = comparisons[0]?.results.map((r) => `${r.library} ${r.version} (${r.adapter})`) ?? [];
  return [
    table(['ms per call', ...libraries, 'ratio', 'goal', 'best other'], rows),
    ...about,
    ...notes,
    compared.length === 0
      ? 'nothing to hold ours against'
      : missed.length === 0
        ? 'every goal is reached'
        : `below the goal: ${missed.map((c) => `${c.problem} (${c.ratio!.toFixed(2)} of ${c.goal})`).join(', ')}`,
  ].join('\n');
}
