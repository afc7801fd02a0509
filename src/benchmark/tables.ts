// The paper's tables out of results: 1 and 2 (data sets by methods), means by group, 3 to 5 (ablations).
import type { MetricName } from '../eval/index.ts';
import type { BenchmarkConfig, TestSource } from './config.ts';
import {
  type Group,
  groups,
  isLeftOut,
  isPaperBackbone,
  type Level,
  type Pair,
  type PaperRow,
  paperAblations,
  paperBackbone,
  paperFigures,
  paperProtocol,
} from './paper.ts';
import type { RunResult } from './results.ts';
import { metricOver, type Spread } from './summary.ts';

/** Metrics of a cell, as fractions; null where there is none. */
export interface Cell {
  readonly metrics: readonly MetricName[];
  readonly values: readonly (Spread | null)[];
  readonly from: 'ours' | 'paper';
  /** Which of ours differ from the paper's by more than a point. */
  readonly far?: readonly boolean[];
  /** What is shown instead of metrics. */
  readonly text?: string;
}

export interface Table {
  readonly clip: string;
  readonly title: string;
  /** Titles; the first is that of the rows. */
  readonly columns: readonly string[];
  readonly rows: readonly {
    readonly name: string;
    readonly group: Group | null;
    readonly cells: readonly Cell[];
  }[];
  readonly notes: readonly string[];
}

const levels: readonly Level[] = ['image', 'pixel'];
const metricsOf: Readonly<Record<Level, readonly [MetricName, MetricName]>> = {
  image: ['imageAuroc', 'imageAp'],
  pixel: ['pixelAuroc', 'pro'],
};
const titleOf: Readonly<Record<Level, string>> = {
  image: 'image AUROC, AP',
  pixel: 'pixel AUROC, PRO',
};

/** Results of one CLIP, with what tables ask them. */
interface Source {
  readonly config: BenchmarkConfig;
  readonly clip: string;
  readonly results: readonly RunResult[];
  /** Whether the paper's figures stand beside. */
  readonly paper: boolean;
}

const paperCell = (level: Level, pair: Pair | undefined): Cell => ({
  metrics: metricsOf[level],
  values: [0, 1].map((i) => (pair ? { mean: pair[i]! / 100, deviation: null, seeds: 0 } : null)),
  from: 'paper',
});

const ownCell = ({ results }: Source, method: string, tests: readonly TestSource[], level: Level): Cell => {
  const own = results.filter((result) => result.method === method);
  const names = tests.map(({ name }) => name);
  return {
    metrics: metricsOf[level],
    values: metricsOf[level].map((metric) => metricOver(own, names, metric)),
    from: 'ours',
  };
};

/** A figure of ours and the paper's beside it; ours is marked where they are more than a point apart. */
function besidePaper(own: Cell, paper: Cell): [Cell, Cell] {
  const far = own.values.map((value, i) => {
    const other = paper.values[i];
    // Rounded as they are shown: 1.0 apart is not more than one.
    return value != null && other != null && Math.round(1000 * Math.abs(value.mean - other.mean)) > 10;
  });
  return [far.includes(true) ? { ...own, far } : own, paper];
}

/** The data sets that have both metrics: those without masks, or without normal images, have not. */
const testsWith = ({ config, results }: Source, level: Level): TestSource[] =>
  config.test.filter(({ name }) =>
    metricsOf[level].every((metric) =>
      results.some(({ test, evaluation }) => test === name && evaluation.mean.metrics[metric] !== null),
    ),
  );

/** Table 1 or 2. */
function mainTable(source: Source, level: Level): Table {
  const { config, clip, paper } = source;
  const tests = testsWith(source, level);
  const figures = (method: string, names: readonly TestSource[]): Pair | undefined => {
    const pairs = names.map(({ name }) => paperFigures(level, name, method));
    if (names.length === 0 || pairs.includes(undefined)) return undefined;
    return [0, 1].map(
      (i) => pairs.reduce((sum, pair) => sum + pair![i]!, 0) / pairs.length,
    ) as unknown as Pair;
  };
  const columns = config.methods.map(({ name, title }) => ({
    name,
    title,
    paper: paper && tests.some((test) => paperFigures(level, test.name, name)),
  }));
  const row = (name: string, group: Group | null, of: readonly TestSource[]) => ({
    name,
    group,
    cells: columns.flatMap((column) => {
      const own = ownCell(source, column.name, of, level);
      return column.paper ? besidePaper(own, paperCell(level, figures(column.name, of))) : [own];
    }),
  });
  const rows = groups.flatMap((group) => {
    const own = tests.filter((test) => test.group === group);
    const each = own.map((test) => row(test.name, group, [test]));
    return own.length > 1 ? [...each, row(`mean, ${group}`, group, own)] : each;
  });
  const several = new Set(tests.map(({ group }) => group)).size > 1;
  return {
    clip,
    title: `Table ${level === 'image' ? 1 : 2}: ${titleOf[level]} per data set`,
    columns: [
      'data set',
      ...columns.flatMap(({ title, paper: beside }) => [title, ...(beside ? [`${title} (paper)`] : [])]),
    ],
    rows: several ? [...rows, row('mean, all', null, tests)] : rows,
    notes: [],
  };
}

/** Means over the data sets of each group, a row for each of `rows`. */
function meansTable(
  source: Source,
  title: string,
  rows: readonly Partial<PaperRow>[],
  { paper = false, leaveOut = () => false }: { paper?: boolean; leaveOut?(dataset: string): boolean } = {},
): Table {
  const columns = groups.flatMap((group) =>
    levels.flatMap((level) => {
      const tests = testsWith(source, level).filter((test) => test.group === group && !leaveOut(test.name));
      return tests.length > 0 ? [{ group, level, tests }] : [];
    }),
  );
  return {
    clip: source.clip,
    title,
    columns: [
      'method',
      ...columns.flatMap(({ group, level }) => {
        const head = `${group}: ${titleOf[level]}`;
        return paper ? [head, `${head} (paper)`] : [head];
      }),
    ],
    rows: rows.map(({ name, method, figures }) => ({
      name: name!,
      group: null,
      cells: columns.flatMap(({ group, level, tests }) => {
        const own = ownCell(source, method ?? '', tests, level);
        return paper ? besidePaper(own, paperCell(level, figures?.(group, level))) : [own];
      }),
    })),
    notes: [],
  };
}

function tablesOf(source: Source): Table[] {
  const { config, paper } = source;
  const names = config.methods.map(({ name }) => name);
  const tables = levels
    .filter((level) => testsWith(source, level).length > 0)
    .map((level) => mainTable(source, level));
  if (names.length > 1 && config.test.length > 1)
    tables.push(
      meansTable(
        source,
        'Means over data sets',
        config.methods.map(({ name, title }) => ({ name: title, method: name })),
      ),
    );
  const without = config.test.some(({ name }) => isLeftOut(name)) ? ', without MVTec AD' : '';
  // The baseline and FAPrompt are in several of the paper's tables: alone they make none.
  for (const { table, title, rows } of paperAblations) {
    const own = rows.filter(({ method }) => method !== undefined && names.includes(method));
    if (own.length > 2)
      tables.push(
        meansTable(source, `Table ${table}: ${title}${without}`, paper ? rows : own, {
          paper,
          leaveOut: isLeftOut,
        }),
      );
  }
  return tables;
}

/**
 * All tables that the results make, CLIP by CLIP, with the methods that have weights of their own. The paper's figures stand beside ours where the CLIP has the sizes of
 * the paper's.
 */
export function benchmarkTables(config: BenchmarkConfig, results: readonly RunResult[]): Table[] {
  // A model that is there for some methods only (a BLIP) has columns in the others' tables, and none of its own.
  const bound = config.clips.filter(({ methods }) => methods !== undefined);
  const others = new Set(bound.map(({ name }) => name));
  const rest = config.clips.filter((clip) => !others.has(clip.name));
  return (rest.length > 0 ? rest : bound).flatMap(({ name }) => {
    const of = results.filter(({ clip }) => clip === name);
    if (of.length === 0) return [];
    const own = results.filter(({ clip }) => clip === name || (rest.length > 0 && others.has(clip)));
    const paper = isPaperBackbone(of[0]!.clipConfig);
    const tables = tablesOf({ config, clip: name, results: own, paper });
    const last = tables.at(-1);
    if (!last) return [];
    const seeds =
      config.seeds.length > 1 ? `; mean ± sample standard deviation over ${config.seeds.length} seeds` : '';
    const empty = levels.filter(
      (level) => testsWith({ config, clip: name, results: own, paper }, level).length === 0,
    );
    const notes = [
      `In percent${seeds}.`,
      paper
        ? `The paper: ${paperBackbone} (WinCLIP and AnoVL: ViT-B/16+ 240), ${paperProtocol}. Ours: ${protocolOf(config)}. * differs from the paper's figure by more than one point.`
        : `The paper's figures are not shown: its CLIP is ${paperBackbone}.`,
      ...empty.map((level) => `No ${titleOf[level]}: no data set here has the labels.`),
    ];
    return [...tables.slice(0, -1), { ...last, notes }];
  });
}

const protocolOf = ({ train, test }: BenchmarkConfig): string => {
  const others = test.flatMap(({ name, train: own }) =>
    own ? [`${own.name} (${own.split}) for ${name}`] : [],
  );
  return `trained on ${[`${train.name} (${train.split})`, ...others].join(', ')}`;
};

/**
 * The appendix's table of complexity, CLIP by CLIP: the median over the runs of a method. Times are of this machine, so
 * it is no part of the tables that are the same wherever they are made.
 */
export function complexityTables(config: BenchmarkConfig, results: readonly RunResult[]): Table[] {
  return config.clips.flatMap(({ name: clip }) => {
    const rows = config.methods.flatMap(({ name, title }) => {
      const found = results.filter((result) => result.clip === clip && result.method === name && result.cost);
      if (found.length === 0) return [];
      const median = (of: (result: RunResult) => number) =>
        found.map(of).sort((a, b) => a - b)[found.length >> 1]!;
      const cells = [
        median(({ cost }) => cost!.learnables).toLocaleString('en'),
        (1000 * median(({ seconds }) => seconds.encode!)).toFixed(0),
        (1000 * median(({ seconds }) => seconds.score!)).toFixed(0),
        (median(({ cost }) => cost!.bytes) / 2 ** 20).toFixed(0),
      ].map((text): Cell => ({ metrics: [], values: [], from: 'ours', text }));
      return [{ name: title, group: null, cells }];
    });
    const columns = ['method', 'learnable numbers', 'ms to encode', 'ms to score', 'MiB on the GPU'];
    const adapters = [
      ...new Set(results.filter((r) => r.clip === clip).map(({ environment }) => environment.adapter)),
    ];
    const notes = [`One image, encoder and scorer warm, on ${adapters.join(', ')}.`];
    return rows.length === 0 ? [] : [{ clip, title: 'Complexity', columns, rows, notes }];
  });
}
