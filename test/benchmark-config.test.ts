import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/benchmark/config.ts';
import { BenchmarkError } from '../src/benchmark/errors.ts';
import { readConfig } from '../src/benchmark/folder.node.ts';
import { benchmarkPlan, benchmarkRuns, dataOf, shellWord } from '../src/benchmark/runs.ts';
import { namedMethods } from '../src/model/methods/named.ts';

const small = {
  out: 'out',
  clips: ['weights/small-clip.safetensors'],
  train: 'data/mvtec',
  test: ['data/BrainMRI'],
  methods: ['faprompt'],
};
const parse = (changes: object) => parseConfig({ ...small, ...changes }, 'bench.json');

describe('parseConfig', () => {
  it('fills in what is left out', () => {
    expect(parse({})).toEqual({
      out: 'out',
      clips: [{ name: 'small-clip', weights: 'weights/small-clip.safetensors' }],
      train: { name: 'mvtec', data: 'data/mvtec', split: 'test' },
      test: [{ name: 'BrainMRI', data: 'data/BrainMRI', split: 'test', group: 'medical' }],
      methods: [namedMethods.get('faprompt')],
      seeds: [0],
      precision: 'f32',
    });
  });

  it('names data sets by the last part of their path that is not the seed', () => {
    const { train, test } = parse({ train: 'synth/{seed}/train/', test: ['runs/held-out-{seed}', 'x/DTD'] });
    expect([train.name, ...test.map(({ name }) => name)]).toEqual(['train', 'held-out', 'DTD']);
    expect(test.map(({ group }) => group)).toEqual(['other', 'industrial']);
  });

  it('takes methods with options of their own', () => {
    const { methods } = parse({
      methods: ['winclip', { name: 'K = 5', method: 'faprompt', options: { prompts: 5 } }],
    });
    expect(methods.map(({ learning, name }) => [learning !== undefined, name])).toEqual([
      [false, 'winclip'],
      [true, 'K = 5'],
    ]);
    expect(methods[1]!.options).toEqual({ ...namedMethods.get('faprompt')!.options, prompts: 5 });
  });

  const visa = { data: 'data/visa' };
  it.each<[what: string, changes: object, field: string, found: string]>([
    ['a missing field', { train: undefined }, 'train', 'nothing'],
    ['an unknown field', { epoch: 3 }, 'epoch', '3'],
    ['an unknown field inside', { train: { ...visa, folder: 'x' } }, 'train.folder', '"x"'],
    ['no CLIP', { clips: [] }, 'clips', '[]'],
    ['a seed that is none', { seeds: [0, -1] }, 'seeds[1]', '-1'],
    ['a seed twice', { seeds: [3, 3] }, 'seeds[1]', '3'],
    ['a rate of 0', { learningRate: 0 }, 'learningRate', '0'],
    ['half an epoch', { epochs: 1.5 }, 'epochs', '1.5'],
    ['a group that is none', { test: [{ ...visa, group: 'food' }] }, 'test[0].group', '"food"'],
    ['a split that is none', { test: [{ ...visa, split: 'val' }] }, 'test[0].split', '"val"'],
    ['a name that is no folder', { test: [{ ...visa, name: '../x' }] }, 'test[0].name', '"../x"'],
    ['a path without a name', { test: ['../..'] }, 'test[0].name', 'nothing, and none in the path'],
    ['a data set twice', { test: ['a/x', 'b/X'] }, 'test[1]', 'X'],
    ['testing on what is trained on', { test: ['a/x', 'data/mvtec'] }, 'test[1].data', '"data/mvtec"'],
    ['an unknown method', { methods: ['best'] }, 'methods[0]', '"best"'],
    [
      'an option of another kind',
      { methods: [{ name: 'k', method: 'faprompt', options: { prompts: 0 } }] },
      'methods[0].options.prompts',
      '0',
    ],
    ['not an object', { methods: 'faprompt' }, 'methods', '"faprompt"'],
  ])('refuses %s', (_, changes, field, found) => {
    let error: unknown;
    try {
      parse(changes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(BenchmarkError);
    expect(error).toMatchObject({ file: 'bench.json', field, found });
    expect((error as Error).message).toContain('bench.json');
  });

  it('allows the other split of what is trained on', () => {
    expect(parse({ test: [{ name: 'rest', data: 'data/mvtec', split: 'train' }] }).test).toHaveLength(1);
  });
});

describe('runs', () => {
  const config = parse({
    clips: ['a.pt', 'b.pt'],
    test: [{ name: 'MVTec AD', data: 'data/mvtec-ad', train: 'data/visa' }, 'data/BTAD', 'data/s-{seed}'],
    methods: ['clip', 'faprompt'],
    seeds: [4, 5],
  });
  const fixed = parse({ methods: ['clip', 'faprompt'], seeds: [4, 5] });

  it('are one per CLIP, learned method, seed and training set', () => {
    const runs = benchmarkRuns(config);
    expect(runs.filter(({ clip }) => clip.name === 'a').map(({ id }) => id)).toEqual([
      'a/clip/4',
      'a/faprompt/visa-4',
      'a/faprompt/mvtec-4',
      'a/clip/5',
      'a/faprompt/visa-5',
      'a/faprompt/mvtec-5',
    ]);
    expect(runs[1]!.test.map(({ name }) => name)).toEqual(['MVTec AD']);
    expect(runs[5]).toMatchObject({
      seed: 5,
      train: { data: 'data/mvtec' },
      test: [{ name: 'BTAD' }, { name: 's', data: 'data/s-5' }],
    });
  });

  it('evaluate once what depends on no seed', () => {
    expect(benchmarkRuns(fixed).map(({ id, seed }) => [id, seed])).toEqual([
      ['small-clip/clip/fixed', null],
      ['small-clip/faprompt/mvtec-4', 4],
      ['small-clip/faprompt/mvtec-5', 5],
    ]);
  });

  it('read every data set once', () => {
    expect(dataOf(benchmarkRuns(fixed)).map(({ data }) => data)).toEqual(['data/BrainMRI', 'data/mvtec']);
  });

  it('become shell commands', () => {
    const { features, runs, tables } = benchmarkPlan(config, 'npx faprompt', ['benchmark', "/x y/it's.json"]);
    const start = "npx faprompt benchmark '/x y/it'\\''s.json'";
    expect(features).toEqual([`${start} --features a`, `${start} --features b`]);
    expect(runs).toHaveLength(12);
    expect(runs[0]).toBe(`${start} --run a/clip/4`);
    expect(tables).toEqual([`${start} --tables`]);
    expect(shellWord('K = 5')).toBe("'K = 5'");
  });
});

describe('the configurations that ship', () => {
  it('are right, and name the nineteen data sets of the paper', async () => {
    const configs = path.resolve(import.meta.dirname, '..', 'bench', 'configs');
    const small = await readConfig(path.join(configs, 'small.json'));
    expect(existsSync(small.clips[0]!.weights)).toBe(true);
    const paper = await readConfig(path.join(configs, 'paper.json'));
    expect(paper.clips[0]!.weights).toBe('ViT-L/14@336px');
    expect(paper.test).toHaveLength(19);
    expect(paper.test.map(({ group }) => group)).toEqual([
      ...Array.from({ length: 9 }, () => 'industrial'),
      ...Array.from({ length: 10 }, () => 'medical'),
    ]);
    const runs = benchmarkRuns(paper).filter(({ method, seed }) => method.name === 'faprompt' && seed === 0);
    expect(runs.map(({ id, test }) => [id, test.length])).toEqual([
      ['ViT-L-14-336/faprompt/VisA-0', 1],
      ['ViT-L-14-336/faprompt/MVTec AD-0', 18],
    ]);
  });
});
