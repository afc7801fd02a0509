// Every option of every command, called at least once as a user would, in this process: an option without a row fails.
// `train` has a matrix of its own.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createProgram } from '../src/cli/program.ts';
import { generate } from '../src/data/synth/generate.node.ts';
import { smallClip } from '../testing/browser/fixtures.ts';
import { beginsWith, type Done, encodesTogether, isMean, keepsSecond, stagedCli } from './matrix/effects.ts';
import { type MatrixFixture, matrixClip, matrixFixture } from './matrix/fixture.ts';
import { writePhotos } from './matrix/photos.ts';
import { cli } from './train-fixtures.ts';

/** A call: words after the command. `{n}` is a fresh name in the folder, others the fixture's files. */
type Call = string;
/** Options that need the network, a browser or another system: where they are tested. */
interface Elsewhere {
  readonly in: string;
  /** What that file has, if not the option itself. */
  readonly as?: string;
}

interface Rows {
  readonly calls: readonly Call[];
  /** Exit codes that are right. */
  readonly codes?: readonly number[];
  readonly elsewhere?: Readonly<Record<string, Elsewhere>>;
  /** What is right of every call that has this word, apart from its exit code. */
  readonly shows?: Readonly<Record<string, (done: Done) => Promise<void>>>;
}

const scored = '--clip {clip} --prompts {prompts}';
const small = '--steps 2 --batch 2 --image-size 32 --warmup 1 --out {n}';

const rows: Readonly<Record<string, Rows>> = {
  detect: {
    calls: [
      `{image} --out {n} ${scored} --cache {dir}/cache --json`,
      `{image} --out {n} ${scored} --no-cache --range 0.2,0.8 --threshold 0.5`,
      `{image} --json-lines ${scored} --cache-precision f16 --cache {dir}/cache --no-threshold`,
      `{image} --out {n} ${scored} --range image --cache {dir}/cache --allow-other-clip`,
      `{image} --json-lines --clip {clip} --prompts {coop} --object weave --vocabulary {vocabulary} --no-cache`,
      '{image} --json-lines --clip {clip} --method pair --image-size 48 --dual-layers 1 --shard 1/1 --yes --no-cache',
      '{image} --json-lines --clip {clip} --method pair --tiles 2 --tile-overlap 0.5 --no-cache',
      `{image} --json-lines ${scored} --no-tiles --no-cache`,
      `{image} {good} --json-lines ${scored} --no-cache --image-batch 2`,
    ],
    codes: [0, 2],
    shows: { '--image-batch': encodesTogether },
    elsewhere: {
      '--watch': { in: 'test/cli-calibrate.test.ts' },
      '--interval': { in: 'test/cli-calibrate.test.ts' },
      '--per-prompt': { in: 'test/per-prompt.test.ts' },
      '--boxes': { in: 'test/filo-cli.test.ts' },
    },
  },
  eval: {
    calls: [
      `--data {data} ${scored} --no-cache --json - --split test`,
      `--data {data} ${scored} --cache {dir}/cache --split train --json {n}.json --out {n} --all-metrics --defects`,
      `--data {data} ${scored} --cache {dir}/cache --cache-precision f16 --bootstrap 10 --confidence 0.9 --seed 3 --allow-other-clip`,
      `--data {data} ${scored} --cache {dir}/cache --report {n}`,
      '--data {data} --clip {clip} --method pair --image-size 48 --dual-layers 1 --object object --no-cache',
      '--data {data} --clip {clip} --prompts {coop} --vocabulary {vocabulary} --no-cache --yes',
      '--data {data} --clip {clip} --method pair --tiles 1 --tile-overlap 0 --no-cache',
      `--data {data} ${scored} --no-tiles --no-cache`,
      '--data {data} --clip {clip} --method pair --shard 1/1 --json-lines {dir}/shard.jsonl --no-cache',
      '--merge {dir}/shard.jsonl',
      `--data {data} ${scored} --no-cache --json - --image-batch 3`,
    ],
    shows: { '--image-batch': encodesTogether },
    elsewhere: { '--boxes': { in: 'test/filo-cli.test.ts' } },
  },
  calibrate: {
    calls: [
      `--data {data} ${scored} --out {n} --best-f1 --no-cache --json`,
      `--data {data} --split train ${scored} --out {n} --false-positive-rate 0.5 --cache {dir}/cache`,
      `--good {good} ${scored} --out {n} --cache {dir}/cache --cache-precision f16 --allow-other-clip`,
      '--data {data} --clip {clip} --prompts {coop} --object weave --vocabulary {vocabulary} --out {n} --no-cache',
      '--data {data} --clip {clip} --method pair --image-size 48 --dual-layers 1 --out {n} --no-cache --yes',
      '--data {data} --clip {clip} --method pair --tiles 1 --tile-overlap 0.25 --out {n} --no-cache',
      `--data {data} ${scored} --no-tiles --out {n} --no-cache`,
      `--data {data} ${scored} --out {n} --no-cache --json --image-batch 3`,
    ],
    codes: [0],
    shows: { '--image-batch': encodesTogether },
    elsewhere: { '--boxes': { in: 'test/filo-cli.test.ts' } },
  },
  prompts: {
    calls: [
      '{prompts} --clip {clip} --out {n} --images {image} --no-cache --seed 3',
      '{prompts} --clip {clip} --json --allow-other-clip --yes --images {image} --cache {dir}/cache --cache-precision f16',
      '{prompts} --clip {clip} --json --images {image} {good} --no-cache --image-batch 2',
    ],
    shows: { '--image-batch': encodesTogether },
  },
  benchmark: {
    calls: [
      '{config} --plan --command fap',
      '{config} --plan runs',
      '{config} --features tiny --cache {dir}/cache',
      '{config} --format markdown --cache {dir}/cache',
      '{config} --tables --format csv',
      '{config} --json --yes',
    ],
    elsewhere: { '--run': { in: 'test/benchmark-run.test.ts' } },
  },
  'data check': { calls: ['{data} --json', '{data} --limit 2'], codes: [0, 1] },
  synth: {
    calls: [
      '{n} --seed 2 --image-size 32 --classes weave --defects hole --train 1 --good 1 --defective 1 --json',
      '{n} --role heldout --image-size 16 --train 0 --good 1 --defective 0',
      '{n} --photos {photos} --classes wood,steel,nut --image-size 48 --good 1 --defective 1',
    ],
  },
  pretrain: {
    calls: [
      `${small} --seed 4 --lr 0.01 --decay 0 --region-weight 0 --save-every 1 --export {n}.safetensors --about who=me`,
      `${small} --patch 8 --width 64 --layers 1 --embed 32 --max-minutes 5`,
      `${small} --photos {photos} --photo-shares 0.2,0.2,0.2 --photo-surfaces 0.5 --hold-out cloth --visits 2`,
      '--photos {photos} --image-size 32 --photo-sheet {n}.png',
      '--steps 4 --batch 2 --image-size 32 --warmup 1 --stop-at 3 --cooldown 1 --out {n}',
      `${small} --init {clip} --lr 1e-9 --save-every 1 --snapshots 2 --export {n}.safetensors`,
    ],
    shows: { '--init': beginsWith, '--snapshots': keepsSecond },
    elsewhere: {
      '--resume': { in: 'test/pretrain.test.ts' },
    },
  },
  'weights list': { calls: ['--json', '--manifest {manifest}'] },
  'weights verify': { calls: ['--json --manifest {manifest}'], codes: [0, 1] },
  'weights pull': { calls: [], elsewhere: { '--manifest': { in: 'test/hub.test.ts' } } },
  'weights path': { calls: ['ViT-B/32 --manifest {manifest}'], codes: [0, 1] },
  'weights info': { calls: ['{clip} --json --yes', '{clip}'] },
  'weights convert': {
    calls: [
      '{clip} {n} --dtype f16',
      '{clip} {n} --dtype f32',
      '{clip} {n} --dtype int8 --yes',
      '{clip} {n} --detect-size 48',
      '{clip} {n}',
    ],
    // Only for prompts of the authors' own code, which are for ViT-L/14@336px.
    elsewhere: { '--clip': { in: 'test/checkpoint.test.ts', as: 'publishedPrompts' } },
  },
  'weights mix': {
    calls: ['{n} {clip} {other} --shares 3,1', '{n} {clip} {other}'],
    shows: { '{other}': isMean },
  },
  'weights quality': { calls: [`${smallClip} --samples 2 --seed 9 --image-size 32 --json --yes`] },
  'weights random': {
    calls: ['{n} --seed 2 --dtype f16 --config small', '{n} --dtype f32'],
  },
  classify: {
    calls: [
      '{image} --clip {clip} --json --text object --text damaged',
      '{image} --clip {clip} --vocabulary {vocabulary} --text object weave --yes',
      '{image} --clip {clip} --method pair --object object',
    ],
  },
  demo: { calls: ['--out {n} --seed 1 --epochs 1'] },
  // In a clone that has not built the page it says so.
  page: { calls: ['--port 0', '--out {n}'], codes: [0, 1] },
  setup: { calls: [] },
};

const io = { out() {}, note() {}, terminal: false } as never;

function leaves(command: Command, prefix: readonly string[] = []): { name: string; command: Command }[] {
  return command.commands.flatMap((each) =>
    each.commands.length > 0
      ? leaves(each, [...prefix, each.name()])
      : [{ name: [...prefix, each.name()].join(' '), command: each }],
  );
}
const commands = leaves(createProgram(io)).filter(({ name }) => name !== 'train' && name !== 'help');

let fixture: MatrixFixture;
const files: Record<string, string> = {};
let fresh = 0;
beforeAll(async () => {
  fixture = await matrixFixture();
  const { clip, data, at, dir, image, samples } = fixture;
  Object.assign(files, {
    ...{ clip, data, dir, image, good: samples.find(({ mask }) => !mask)!.image },
    prompts: at('run/prompts.safetensors'),
    coop: at('coop/prompts.safetensors'),
    vocabulary: at('vocabulary.txt'),
    config: at('benchmark.json'),
    manifest: path.resolve('weights/manifest.json'),
    photos: at('photos'),
    other: at('other.safetensors'),
  });
  await writeFile(files.other!, matrixClip(2));
  await writePhotos(files.photos!);
  await writeFile(files.vocabulary!, 'only looked into where the CLIP has no word list of its own');
  const sizes = { prompts: 2, patches: 4 };
  await writeFile(
    files.config!,
    JSON.stringify({
      out: 'benchmark',
      clips: [{ name: 'tiny', weights: 'clip.safetensors' }],
      train: { name: 'weave', data: 'data' },
      test: [{ name: 'other', data: 'other', group: 'industrial' }],
      methods: [{ name: 'small', method: 'faprompt', options: sizes }, 'pair'],
      seeds: [0],
      epochs: 1,
      batch: 4,
    }),
  );
  await generate(at('other'), { seed: 2, imageSize: 40, classes: ['wood'], good: 2, defective: 2 });
  const common = ['--data', data, '--clip', clip, '--epochs', '1', '--batch', '4', '--cache', at('cache')];
  for (const [out, ...more] of [['run'], ['coop', '--method', 'coop']] as const) {
    const { code, note } = await cli(['train', ...common, '--out', at(out!), ...more]);
    expect(code, note).toBe(0);
  }
});
afterAll(() => fixture?.remove());

/** Interrupts what would go on for ever. */
const soon = (stop: () => void) => {
  const timer = setTimeout(stop, 200);
  return () => clearTimeout(timer);
};

describe.each(commands)('$name', ({ name, command }) => {
  const row = rows[name];
  const given = row?.calls.flatMap((call) => call.split(' ')) ?? [];

  test('has a row for every option', async () => {
    expect(row, `a row for ${name}`).toBeDefined();
    const missing = command.options
      .map(({ long }) => long!)
      .filter((flag) => !given.includes(flag) && !row?.elsewhere?.[flag]);
    expect(missing).toEqual([]);
    for (const word of Object.keys(row?.shows ?? {})) expect(given).toContain(word);
    for (const [flag, { in: file, as = flag }] of Object.entries(row?.elsewhere ?? {}))
      expect(await readFile(path.resolve(file), 'utf8'), `${file} tests ${flag}`).toContain(as);
  });

  test.each(row?.calls ?? [])('%s', async (call) => {
    fresh += 1;
    const argv = call
      .split(' ')
      .map((word) =>
        word.replace(/\{(\w+)\}/g, (_, key: string) =>
          key === 'n' ? fixture.at(`out-${fresh}`) : files[key]!,
        ),
      );
    const whole = [...name.split(' '), ...argv];
    const made = fixture.at(`out-${fresh}`);
    const done = await stagedCli(whole, name === 'page' ? { onInterrupt: soon } : {});
    const { code, note, out } = done;
    expect(row!.codes ?? [0], note).toContain(code);
    if (argv.includes('--json') && !argv.some((word) => word.endsWith('.json')))
      expect(() => JSON.parse(out)).not.toThrow();
    for (const [word, check] of Object.entries(row!.shows ?? {}))
      if (call.split(' ').includes(word)) await check({ ...done, argv: whole, made });
  });
});
