// A data set shared between processes: every image once, a killed process goes on, the metrics are those of one run.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseShard } from '../src/cli/shard-option.ts';
import { generate } from '../src/data/synth/generate.node.ts';
import { ofShard } from '../src/jobs/shards.ts';
import { hasEsbuild } from '../testing/esbuild.ts';
import { bundledCli } from './bundled-cli.ts';
import { cli } from './train-fixtures.ts';

let root = '';
const at = (name: string) => path.join(root, name);
const model = [
  '--clip',
  'weights/small-clip.safetensors',
  '--method',
  'pair',
  '--image-size',
  '64',
  '--no-cache',
];
const evaluation = () => ['eval', '--data', at('data'), ...model];
const shard = (index: number, file = at(`${index}.jsonl`)) => ['--shard', `${index}/3`, '--json-lines', file];

beforeAll(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'faprompt-shards-'));
  const sizes = { imageSize: 64, good: 5, defective: 6, seed: 2 };
  await generate(at('data'), { ...sizes, classes: ['tablet', 'nut'], defects: ['crack', 'stain'] });
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('which images are a shard', () => {
  test('each is in exactly one, and shards are equally large but for one', () => {
    const items = Array.from({ length: 11 }, (_, i) => i);
    const shards = [1, 2, 3].map((index) => ofShard(items, { index, count: 3 }));
    expect(shards.flat().sort((a, b) => a - b)).toEqual(items);
    expect(shards.map(({ length }) => length)).toEqual([4, 4, 3]);
    expect(ofShard(items, undefined)).toEqual(items);
  });

  test.each(['0/3', '4/3', '1', '1/0', 'a/b', '1/3/5', '-1/3'])('%s is refused', (text) => {
    expect(() => parseShard(text)).toThrow();
  });
});

test.skipIf(!hasEsbuild())(
  'three processes, one killed and started again: merged, the JSON of one run',
  async () => {
    const program = await bundledCli();
    const run = (args: readonly string[]) => {
      const child = spawn(process.execPath, [program, ...args], { stdio: 'ignore' });
      const ended = new Promise<number | string>((resolve) =>
        child.on('exit', (code, signal) => resolve(signal ?? code!)),
      );
      return { child, ended };
    };
    const victim = run([...evaluation(), ...shard(2)]);
    const part = at('2.jsonl.part');
    const lines = (file: string) => readFileSync(file, 'utf8').split('\n').length - 1;
    while (!existsSync(part) || lines(part) < 3) await new Promise((resolve) => setTimeout(resolve, 2));
    victim.child.kill('SIGKILL');
    expect(await victim.ended).toBe('SIGKILL');
    expect(existsSync(at('2.jsonl'))).toBe(false);
    const before = lines(part) - 1;
    expect(before).toBeGreaterThan(1);

    // A line that was cut by the kill.
    await writeFile(part, `${await readFile(part, 'utf8')}{"index":5,"ima`);
    expect(
      await Promise.all([1, 2, 3].map((index) => run([...evaluation(), ...shard(index)]).ended)),
    ).toEqual([0, 0, 0]);

    const one = await cli([...evaluation(), '--json', '-', '--bootstrap', '20']);
    expect(one.code).toBe(0);
    const files = [3, 1, 2].map((index) => at(`${index}.jsonl`));
    const merged = await cli(['eval', '--merge', ...files, '--json', '-', '--bootstrap', '20']);
    expect(merged.code).toBe(0);
    expect(merged.out).toBe(one.out);
    expect(JSON.parse(merged.out).mean.metrics.pixelAuroc).toBeGreaterThan(0.5);
    const table = await cli(['eval', '--merge', ...files]);
    expect(table.out).toBe((await cli(evaluation())).out);
  },
);

describe('what does not belong together is refused', () => {
  test('a missing shard, one twice, one of another run, one that is not whole, something else', async () => {
    for (const index of [1, 2, 3])
      expect((await cli([...evaluation(), ...shard(index, at(`w${index}`))])).code).toBe(0);
    const other = ['eval', '--data', at('data'), ...model, '--object', 'nut'];
    expect((await cli([...other, ...shard(3, at('other'))])).code).toBe(0);
    const merge = async (...names: string[]) => (await cli(['eval', '--merge', ...names.map(at)])).note;
    expect(await merge('w1', 'w3')).toMatch(/all 3 shards, found none of 2/);
    expect(await merge('w1', 'w2', 'w2')).toMatch(/each shard once, found 2/);
    expect(await merge('w1', 'w2', 'other')).toMatch(
      /other: expected a shard of the same run .* another .*detector/,
    );
    const text = await readFile(at('w3'), 'utf8');
    await writeFile(at('cut'), text.slice(0, text.lastIndexOf('{"end"')));
    expect(await merge('w1', 'w2', 'cut')).toMatch(/cut: expected a whole shard/);
    await writeFile(
      at('less'),
      text
        .split('\n')
        .filter((_, i) => i !== 2)
        .join('\n'),
    );
    expect(await merge('w1', 'w2', 'less')).toMatch(/less: expected a whole shard/);
    await writeFile(at('text'), 'something\n');
    expect(await merge('text')).toMatch(/text: expected lines that eval --shard wrote, found .* in line 1/);
    expect(await merge('nothing')).toMatch(/nothing: expected a file of eval --shard, found ENOENT/);
    // A file that another run began is not gone on with.
    await writeFile(at('3.part'), text.slice(0, -50));
    expect((await cli([...other, ...shard(3, at('3'))])).note).toMatch(/another run's: detector/);
  });

  test('options that say nothing together', async () => {
    expect((await cli([...evaluation(), '--shard', '1/3'])).note).toMatch(/--shard I\/N and --json-lines/);
    expect((await cli([...evaluation(), ...shard(1), '--json', '-'])).note).toMatch(/--json: with --merge/);
    expect((await cli(['eval', '--merge', 'a', '--data', 'b'])).note).toMatch(/--data: not with --merge/);
    expect((await cli(['eval', '--method', 'pair'])).note).toMatch(/required option '--data/);
    const watch = ['detect', ...model, '--shard', '1/2', '--watch', root, '--json-lines'];
    expect((await cli(watch)).note).toMatch(/--shard: not with --watch/);
  });

  test('an image that cannot be read is a problem of its shard, and of the merged run', async () => {
    const bad = at('bad');
    await generate(bad, {
      imageSize: 64,
      good: 3,
      defective: 3,
      seed: 4,
      classes: ['tablet'],
      defects: ['crack'],
    });
    const image = path.join(bad, 'tablet/test/good/001.png');
    await writeFile(image, (await readFile(image)).subarray(0, 200));
    const given = ['eval', '--data', bad, ...model];
    const codes = [];
    for (const index of [1, 2, 3]) codes.push((await cli([...given, ...shard(index, at(`b${index}`))])).code);
    expect(codes.sort()).toEqual([0, 0, 1]);
    const merged = await cli([
      'eval',
      '--merge',
      ...[1, 2, 3].map((index) => at(`b${index}`)),
      '--json',
      '-',
    ]);
    const one = await cli([...given, '--json', '-']);
    expect([merged.code, merged.out]).toEqual([one.code, one.out]);
    expect(merged.code).toBe(1);
  });
});

test('detect --shard: every image once, in files of its own', async () => {
  const images = at('data/nut');
  const scores: string[] = [];
  for (const index of [1, 2]) {
    const { code } = await cli(['detect', images, ...model, '--shard', `${index}/2`, '--out', at('found')]);
    expect(code).toBe(0);
    const found = JSON.parse(await readFile(at(`found/scores.${index}-of-2.json`), 'utf8'));
    expect(found.shard).toBe(`${index}/2`);
    scores.push(
      ...found.images.map(({ image, score }: { image: string; score: number }) => `${image} ${score}`),
    );
  }
  await cli(['detect', images, ...model, '--out', at('all')]);
  const all = JSON.parse(await readFile(at('all/scores.json'), 'utf8'));
  expect(scores.sort()).toEqual(
    all.images.map(({ image, score }: { image: string; score: number }) => `${image} ${score}`).sort(),
  );
  const pictures = async (folder: string) =>
    (await readdir(at(folder), { recursive: true })).filter((name) => name.endsWith('.png')).sort();
  expect(await pictures('found')).toEqual(await pictures('all'));
});
