import { describe, expect, it } from 'vitest';
import { type BenchmarkConfig, parseConfig } from '../src/benchmark/config.ts';
import { formatTables } from '../src/benchmark/format.ts';
import paper from '../src/benchmark/paper.json' with { type: 'json' };
import { groupOf, isPaperBackbone, paperAblations, paperFigures } from '../src/benchmark/paper.ts';
import type { RunResult } from '../src/benchmark/results.ts';
import { benchmarkRuns } from '../src/benchmark/runs.ts';
import { metricOver, spread } from '../src/benchmark/summary.ts';
import { benchmarkTables, complexityTables } from '../src/benchmark/tables.ts';
import { METRICS } from '../src/eval/index.ts';
import { knownClipConfigs } from '../src/model/clip/config.ts';
import { namedMethods } from '../src/model/methods/named.ts';

/** A result in which every metric is `value`; pixel metrics null without `masks`. */
function result(method: string, seed: number | null, test: string, value: number, masks = true): RunResult {
  const metrics = METRICS.map((name) => [name, masks || name.startsWith('image') ? value : null] as const);
  return {
    run: '',
    clip: 'vit',
    method,
    seed,
    train: null,
    test,
    settings: {} as RunResult['settings'],
    clipConfig: knownClipConfigs['ViT-L/14@336px'],
    evaluation: {
      mean: { metrics: Object.fromEntries(metrics) as RunResult['evaluation']['mean']['metrics'] },
    },
    problems: [],
    seconds: { training: 0, evaluation: 0 },
    environment: { adapter: '', node: '' },
  };
}

const config: BenchmarkConfig = parseConfig(
  {
    out: 'out',
    clips: [{ name: 'vit', weights: 'x' }],
    train: 'MVTec AD',
    test: ['x/VisA', 'x/BTAD', 'x/HeadCT', 'x/mine'],
    methods: ['clip', 'anomalyclip', 'cap', 'faprompt'],
    seeds: [0, 1],
  },
  'config',
);
const results = [
  ...[0, 1].flatMap((seed) => [
    result('faprompt', seed, 'VisA', 0.8 + 0.02 * seed),
    result('faprompt', seed, 'BTAD', 0.9 - 0.02 * seed),
    result('faprompt', seed, 'HeadCT', 0.6, false),
    result('faprompt', seed, 'mine', 0.5, false),
  ]),
  result('clip', null, 'VisA', 0.7),
];

describe("the paper's figures", () => {
  it('of tables 1 and 2 have the means of tables 3 to 5, which leave out MVTec AD', () => {
    const ours = paperAblations[0]!.rows.at(-1)!;
    for (const level of ['image', 'pixel'] as const) {
      for (const group of ['industrial', 'medical'] as const) {
        const rows = Object.entries(paper[level][group]).filter(([name]) => name !== 'MVTecAD');
        for (const i of [0, 1]) {
          const figures = rows.map(([name]) => paperFigures(level, name, 'faprompt')![i]!);
          const mean = figures.reduce((a, b) => a + b, 0) / figures.length;
          // Both are printed with one decimal.
          const printed = ours.figures(group, level)![i]!;
          expect(Math.abs(mean - printed), `${level}, ${group}`).toBeLessThan(0.1);
        }
      }
    }
  });

  it('have eleven pairs a data set, nineteen data sets in all, and names of methods that exist', () => {
    const rows = [paper.image, paper.pixel].flatMap(({ industrial, medical }) =>
      Object.entries({ ...industrial, ...medical }),
    );
    for (const [name, figures] of rows) expect(figures, name).toHaveLength(22);
    expect(new Set(rows.map(([name]) => name)).size).toBe(19);
    const names = [
      ...Object.values(paper.methods),
      ...paperAblations.flatMap(({ rows: own }) => own.map(({ method }) => method)),
    ];
    for (const name of names) if (name) expect([...namedMethods.keys()]).toContain(name);
  });

  it('are found by the names that data sets have here', () => {
    expect(paperFigures('image', 'MVTec AD', 'winclip')).toEqual([91.8, 96.5]);
    expect(paperFigures('pixel', 'KolektorSDD', 'faprompt')).toEqual([98.3, 94.1]);
    expect(paperFigures('pixel', 'BrainMRI', 'faprompt')).toBeUndefined();
    expect([groupOf('brainmri'), groupOf('Kolektor SDD'), groupOf('mine')]).toEqual([
      'medical',
      'industrial',
      'other',
    ]);
    expect(isPaperBackbone(knownClipConfigs['ViT-L/14'])).toBe(false);
  });
});

describe('mean and spread', () => {
  it('is the sample standard deviation', () => {
    expect(spread([1, 3, 5])).toEqual({ mean: 3, deviation: 2, seeds: 3 });
    expect(spread([1])).toEqual({ mean: 1, deviation: null, seeds: 1 });
    expect(spread([])).toBeNull();
  });

  it('averages over data sets within each seed first, and leaves incomplete seeds out', () => {
    const own = results.filter(({ method }) => method === 'faprompt');
    const both = metricOver(own, ['VisA', 'BTAD'], 'pro')!;
    expect(both.mean).toBeCloseTo(0.85, 12);
    expect(both.deviation).toBeCloseTo(0, 12);
    const partial = own.filter(({ seed, test }) => seed === 0 || test !== 'BTAD');
    expect(metricOver(partial, ['VisA', 'BTAD'], 'pro')).toMatchObject({ seeds: 1 });
    expect(metricOver(own, ['HeadCT'], 'pro')).toBeNull();
  });
});

describe('tables', () => {
  const text = formatTables(benchmarkTables(config, results), 'text');
  const line = (start: string) => text.split('\n').find((each) => each.startsWith(start))!;

  it("have ours and the paper's figures side by side", () => {
    const [, ...titles] = line('data set').split(/ {2,}/);
    expect(titles).toEqual([
      'CLIP',
      'CLIP (paper)',
      'AnomalyCLIP',
      'AnomalyCLIP (paper)',
      '+ CAP (FAPrompt without DAP)',
      'FAPrompt',
      'FAPrompt (paper)',
    ]);
    expect(line('VisA').split(/ {2,}/)).toEqual([
      'VisA',
      '70.0*, 70.0*',
      '66.4, 71.4',
      '-, -',
      '82.1, 84.6',
      '-, -',
      '81.0 ± 1.4*, 81.0 ± 1.4*',
      '84.6, 86.8',
    ]);
    expect(line('mine').split(/ {2,}/).at(-1)).toBe('-, -');
    expect(line('mean, industrial').split(/ {2,}/).at(-1)).toBe('88.4, 89.7');
  });

  it('are 1 and 2 by data set, means, and the ablations of which there are several', () => {
    const titles = benchmarkTables(config, results).map(({ title }) => title);
    expect(titles.map((title) => title.replace(/:.*/, ''))).toEqual([
      'Table 1',
      'Table 2',
      'Means over data sets',
      'Table 3',
    ]);
    const pixels = benchmarkTables(config, results)[1]!;
    expect(pixels.rows.map(({ name }) => name)).toEqual(['VisA', 'BTAD', 'mean, industrial']);
    const ablation = benchmarkTables(config, results)[3]!;
    expect(ablation.rows.map(({ name }) => name)).toContain('+ DAP');
    expect(text).toContain('trained on MVTec AD (test)');
  });

  it("leave the paper's figures out for another CLIP, and say so", () => {
    const other = results.map((each) => ({ ...each, clipConfig: knownClipConfigs['ViT-B/16'] }));
    const without = formatTables(benchmarkTables(config, other), 'text');
    expect(without).not.toContain('(paper)');
    expect(without).toContain("paper's figures are not shown");
  });

  it('leave MVTec AD out of the means of tables 3 to 5, and say so', () => {
    const test = [
      ...config.test,
      { name: 'MVTec AD', data: 'x', split: 'test', group: 'industrial' } as const,
    ];
    const more = [...results, ...[0, 1].map((seed) => result('faprompt', seed, 'MVTec AD', 0.1))];
    const tables = benchmarkTables({ ...config, test }, more);
    const mean = (i: number) =>
      tables[i]!.rows.find(({ name }) => name === 'FAPrompt')!.cells[0]!.values[0]!.mean;
    expect(mean(2)).toBeCloseTo((0.81 + 0.89 + 0.1) / 3, 9);
    expect(tables[3]!.title).toMatch(/^Table 3: .*, without MVTec AD$/);
    expect(mean(3)).toBeCloseTo((0.81 + 0.89) / 2, 9);
  });

  it('of complexity: medians of what was measured', () => {
    const cost = { learnables: 1234, bytes: 3 * 2 ** 20 };
    const measured = results.map((each, i) => ({
      ...each,
      cost,
      seconds: { training: 0, evaluation: 0, encode: i / 10, score: 0.002 },
    }));
    const [table] = complexityTables(config, measured);
    expect(complexityTables(config, results)).toEqual([]);
    expect(table!.rows.map(({ cells }) => cells.map((cell) => cell.text))).toEqual([
      ['1,234', '800', '2', '3'],
      ['1,234', '400', '2', '3'],
    ]);
  });

  it('as Markdown and CSV', () => {
    const tables = benchmarkTables(config, results);
    expect(formatTables(tables, 'markdown')).toContain('| VisA | 70.0\\*, 70.0\\* | 66.4, 71.4 |');
    const csv = formatTables(tables, 'csv').split('\n');
    expect(csv[0]).toBe('clip,table,row,group,column,from,metric,mean,deviation,seeds');
    expect(csv).toContain(
      'vit,"Table 1: image AUROC, AP per data set",VisA,industrial,CLIP,ours,imageAuroc,0.7,,1',
    );
    for (const each of csv.slice(1)) expect(each.replace(/"[^"]*"/g, '').split(',')).toHaveLength(10);
  });
});

describe('weights that are for some methods only', () => {
  const both = {
    ...config,
    clips: [...config.clips, { name: 'blip', weights: 'y', methods: ['cap'] }],
  };
  it('run those methods, and no other CLIP does', () => {
    const runs = benchmarkRuns(both).map(({ clip, method }) => `${clip.name}/${method.name}`);
    expect([...new Set(runs)].sort()).toEqual(['blip/cap', 'vit/anomalyclip', 'vit/clip', 'vit/faprompt']);
  });

  it("have columns in the other CLIP's tables, and no tables of their own", () => {
    const own = { ...result('cap', 0, 'VisA', 0.55), clip: 'blip' };
    const tables = benchmarkTables(both, [...results, own]);
    expect(new Set(tables.map(({ clip }) => clip))).toEqual(new Set(['vit']));
    const [first] = tables;
    const column = first!.columns.indexOf(namedMethods.get('cap')!.title);
    const row = first!.rows.find(({ name }) => name === 'VisA')!;
    expect(row.cells[column - 1]!.values[0]!.mean).toBe(0.55);
    const alone = { ...both, clips: both.clips.slice(1) };
    expect(new Set(benchmarkTables(alone, [own]).map(({ clip }) => clip))).toEqual(new Set(['blip']));
  });
});
