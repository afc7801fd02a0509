// Pretraining that begins with a CLIP's weights, and means of CLIPs.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import type { TensorFile } from '../src/formats/tensor-file.ts';
import { mixed } from '../src/model/checkpoint/mix.ts';
import { clipConfig } from '../src/model/clip/config.ts';
import { initialClipWeights } from '../src/model/clip/initial.ts';
import { rowsForWords } from '../src/model/clip/tokenizer/rows.ts';
import { inlineBatches } from '../src/train/pretrain/batches.node.ts';
import { readBeginning } from '../src/train/pretrain/begin.ts';
import { exportClip } from '../src/train/pretrain/export.ts';
import type { PretrainSettings } from '../src/train/pretrain/settings.ts';
import { pretrain } from '../src/train/pretrain/trainer.ts';
import { testGpu } from './gpu.ts';
import { tinyPretraining } from './pretrain-fixtures.ts';
import { cli } from './train-fixtures.ts';

const table = 'token_embedding.weight';

/** A CLIP as `pretrain` writes it, of seeded weights. */
function exported(settings: PretrainSettings, seed: number, words = settings.words): Uint8Array {
  const config = { ...settings.config, vocabSize: words.length + 2 };
  const parameters = initialClipWeights(config, seed);
  return exportClip({ step: 7, state: { parameters } }, { ...settings, config, words }, { made: `${seed}` });
}
const opened = (name: string, bytes: Uint8Array) => readSafetensors(bytesSource(name, bytes));

let dir: string;
let file: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-begin-'));
  file = path.join(dir, 'clip.safetensors');
  await writeFile(file, exported(tinyPretraining, 3));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('rows go with their words, the start and the end of text stay last', () => {
  const rows = rowsForWords(
    Float32Array.of(1, 1, 2, 2, 8, 8, 9, 9),
    ['a', 'b'],
    ['b', 'new', 'a'],
    Float32Array.of(0, 0, 5, 5, 0, 0, 0, 0, 0, 0),
  );
  expect([...rows]).toEqual([2, 2, 5, 5, 1, 1, 8, 8, 9, 9]);
});

describe('a beginning', () => {
  test('has the CLIP’s weights, and seeded rows for words that are new to it', async () => {
    const clip = await opened('clip', exported(tinyPretraining, 3));
    const begin = await readBeginning(clip, ['scratch', 'rhubarb', 'yoghurt'], 11);
    const { words, config } = tinyPretraining;
    expect(begin.words).toEqual([...words, 'rhubarb', 'yoghurt']);
    expect(begin.config).toEqual({ ...config, vocabSize: config.vocabSize + 2 });
    const own = await clip.readFloat32(table);
    const rows = begin.parameters.get(table)!;
    const width = config.textWidth;
    const at = (values: Float32Array, row: number, count = 1) => [
      ...values.subarray(row * width, (row + count) * width),
    ];
    expect(at(rows, 0, words.length)).toEqual(at(own, 0, words.length));
    expect(at(rows, words.length + 2, 2)).toEqual(at(own, words.length, 2));
    const fresh = initialClipWeights(begin.config, 11).get(table)!;
    expect(at(rows, words.length, 2)).toEqual(at(fresh, words.length, 2));
    for (const name of clip.tensors.keys())
      if (name !== table) expect(begin.parameters.get(name)).toEqual(await clip.readFloat32(name));
  });

  test('is refused without words, or with numbers that are none', async () => {
    const bytes = exported(tinyPretraining, 3);
    const clip = await opened('clip', bytes);
    const metadata = new Map([...clip.metadata].filter(([key]) => key !== 'tokenizer'));
    await expect(readBeginning({ ...clip, metadata }, [], 0)).rejects.toThrow(
      'clip: expected a word list in __metadata__.words, found none',
    );
    const broken: TensorFile = { ...clip, readFloat32: async () => Float32Array.of(Number.NaN) };
    await expect(readBeginning(broken, [], 0)).rejects.toThrow('finite numbers');
  });

  test('is where training goes on from, at another image size too', async () => {
    const gpu = await testGpu();
    const losses = async (settings: PretrainSettings, initial?: ReadonlyMap<string, Float32Array>) => {
      const found: number[] = [];
      const source = inlineBatches(settings);
      const last = await pretrain(gpu, settings, (step) => source.next(step), {
        initial,
        step: ({ losses: { total } }) => void found.push(total!),
      });
      return { found, last };
    };
    const settings = { ...tinyPretraining, steps: 30, stopAt: 30 };
    const { found, last } = await losses(settings);
    const clip = await opened('trained', exportClip(last, settings, {}));
    const { parameters } = await readBeginning(clip, settings.words, 0);
    const short = { ...settings, seed: 6, steps: 3, stopAt: 3, warmup: 1, learningRate: 1e-9 };
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
    const went = (await losses(short, parameters)).found;
    expect(mean(went)).toBeLessThan(mean((await losses(short)).found) - 0.1);
    expect(mean(went)).toBeLessThan(found[0]!);
    const larger = await losses({ ...short, imageSize: 48 }, parameters);
    expect(mean(larger.found)).toBeLessThan(found[0]!);
    const positions = larger.last.state.parameters.get('visual.positional_embedding')!;
    expect(positions.length).toBe((4 ** 2 + 1) * settings.config.visionWidth);
  });
});

test('faprompt pretrain --init: goes on, keeps snapshots, says what it began with', async () => {
  const out = path.join(dir, 'run');
  const weights = path.join(dir, 'more.safetensors');
  const command = ['pretrain', '--out', out, '--init', file, '--steps', '2', '--warmup', '1', '--batch', '2'];
  const done = await cli([
    ...command,
    ...['--image-size', '40', '--save-every', '1', '--snapshots', '1', '--export', weights],
  ]);
  expect(done.code, done.note).toBe(0);
  expect((await readdir(out)).sort()).toEqual([
    'last.safetensors',
    'log.jsonl',
    'step-1.safetensors',
    'step-2.safetensors',
  ]);
  expect(await readFile(path.join(out, 'step-2.safetensors'))).toEqual(await readFile(weights));
  const { metadata } = await opened('more', await readFile(weights));
  const info = JSON.parse((await cli(['weights', 'info', '--json', file])).out);
  expect(JSON.parse(metadata.get('training')!)).toMatchObject({ init: info.sha256, imageSize: 40 });
  const after = JSON.parse((await cli(['weights', 'info', '--json', weights])).out);
  expect(after).toMatchObject({ grid: 4, visionWidth: 16 });

  const other = path.join(dir, 'other.safetensors');
  await writeFile(other, exported(tinyPretraining, 4));
  const resumed = await cli([
    ...command.map((word) => (word === file ? other : word)),
    ...['--image-size', '40', '--resume'],
  ]);
  expect(resumed.code).toBe(1);
  expect(resumed.note).toContain('init: expected');
});

test.each([
  [['--width', '64'], '--width: not with --init'],
  [['--image-size', '30'], '--image-size: expected a multiple of the patch size 8, found 30'],
  [['--save-every', '4', '--snapshots', '6'], '--snapshots: expected a multiple of --save-every 4, found 6'],
])('faprompt pretrain --init refuses %j', async (more, message) => {
  const found = await cli(['pretrain', '--out', path.join(dir, 'no'), '--init', file, ...more]);
  expect(found.code).not.toBe(0);
  expect(found.note).toContain(message);
});

describe('a mean of CLIPs', () => {
  const words = [...tinyPretraining.words, 'rhubarb'];

  test('has the mean of every number, and of a word the mean of those that know it', async () => {
    const [a, b] = [
      await opened('a', exported(tinyPretraining, 3)),
      await opened('b', exported(tinyPretraining, 4, words)),
    ];
    const mean = mixed([
      { file: a, share: 3 },
      { file: b, share: 1 },
    ]);
    for (const name of a.tensors.keys()) {
      const [x, y, found] = [
        await a.readFloat32(name),
        await b.readFloat32(name),
        await mean.readFloat32(name),
      ];
      if (name !== table) {
        expect(found).toEqual(x.map((value, i) => Math.fround(0.75 * value) + 0.25 * y[i]!));
        continue;
      }
      const width = tinyPretraining.config.textWidth;
      const row = (values: Float32Array, place: number) => [
        ...values.subarray(place * width, (place + 1) * width),
      ];
      const count = words.length;
      expect(found.length).toBe((count + 2) * width);
      expect(row(found, count - 1)).toEqual(row(y, count - 1)); // rhubarb
      for (const [to, from] of [
        [5, 5],
        [count, count - 1],
        [count + 1, count],
      ] as const)
        row(found, to).forEach((value, i) => {
          expect(value).toBeCloseTo(0.75 * row(x, from)[i]! + 0.25 * row(y, to)[i]!, 6);
        });
      // In pieces, as a writer reads it.
      expect(await mean.readFloat32(name, 100, 7)).toEqual(found.slice(100, 107));
    }
    expect(mean.metadata.get('words')).toBe(words.join(' '));
    expect(mean.metadata.get('made')).toBe('4');
  });

  test('is of CLIPs with the same sizes only', async () => {
    const deeper = clipConfig({ ...tinyPretraining.config, visionLayers: 4, headDim: 8 });
    const [a, b] = [
      await opened('a', exported(tinyPretraining, 3)),
      await opened('b', exported({ ...tinyPretraining, config: deeper }, 3)),
    ];
    const parts = [a, b].map((part) => ({ file: part, share: 1 }));
    expect(() => mixed(parts)).toThrow('b: expected visionLayers 3, as a has, found 4');
  });

  test('faprompt weights mix: of a CLIP with itself is that CLIP', async () => {
    const out = path.join(dir, 'mean.safetensors');
    const done = await cli(['weights', 'mix', out, file, file, '--shares', '1,3']);
    expect(done.code, done.note).toBe(0);
    const [before, after] = [
      await opened('before', await readFile(file)),
      await opened('after', await readFile(out)),
    ];
    for (const name of before.tensors.keys())
      expect(await after.readBytes(name)).toEqual(await before.readBytes(name));
    const info = JSON.parse((await cli(['weights', 'info', '--json', file])).out);
    expect(JSON.parse(after.metadata.get('mixed')!)).toEqual([
      { sha256: info.sha256, share: 1 },
      { sha256: info.sha256, share: 3 },
    ]);
  });

  test.each([
    [[], 'expected two CLIPs or more, found 1'],
    [['same', '--shares', '1'], '--shares: expected 2 numbers, found 1'],
    [['same', '--shares', '1,-1'], 'Expected numbers above 0'],
  ])('faprompt weights mix OUT CLIP refuses %j', async (more, message) => {
    const inputs = more.map((word) => (word === 'same' ? file : word));
    const found = await cli(['weights', 'mix', path.join(dir, 'no.safetensors'), file, ...inputs]);
    expect(found.code).not.toBe(0);
    expect(found.note).toContain(message);
  });
});
