import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createQueue, prefetch } from '../src/base/prefetch.ts';
import { openClip } from '../src/model/checkpoint/open.node.ts';
import { fapromptNeeds } from '../src/model/clip/needs.ts';
import { loadClip } from '../src/model/clip/weights.ts';
import { type FeatureEntry, readEntry, storedPrecision, writeEntry } from '../src/train/features/entry.ts';
import { createFeatureSource } from '../src/train/features/features.node.ts';
import { testGpu } from './gpu.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let reference: Buffer;
const out = (name: string) => path.join(fixtures.dir, name);
const prompts = (name: string) => readFile(path.join(out(name), 'prompts.safetensors'));

const train = async (name: string, ...more: string[]) => {
  const { clip, data } = fixtures;
  const argv = [
    'train',
    '--data',
    data,
    '--clip',
    clip,
    '--out',
    out(name),
    '--epochs',
    '3',
    '--json',
    '--gpu-cache',
    '0', // every epoch asks again
    ...tinyOptions,
    ...more,
  ];
  const { code, out: json, note } = await cli(argv);
  expect(code, note).toBe(0);
  return { ...(JSON.parse(json) as { images: unknown }), note };
};

beforeAll(async () => {
  fixtures = await makeFixtures();
  const { images } = await train('cold', '--cache', out('cache'));
  expect(images).toEqual({ cached: 18, encoded: 9, damaged: 0, resident: 0 });
  reference = await prompts('cold');
});
afterAll(() => fixtures.remove());

test('a warm cache: the image encoder never runs, the prompts are the same', async () => {
  expect((await train('warm', '--cache', out('cache'))).images).toEqual({
    cached: 27,
    encoded: 0,
    damaged: 0,
    resident: 0,
  });
  expect((await prompts('warm')).equals(reference)).toBe(true);
});

test('a file that is written anew under its name is another image', async () => {
  const gpu = await testGpu();
  const opened = await openClip(fixtures.clip);
  const clip = await loadClip(gpu, opened.file);
  const settings = {
    clip: '0'.repeat(64),
    imageSize: 32,
    needs: fapromptNeeds(1),
    precision: 'f32',
  } as const;
  const source = createFeatureSource(gpu, clip, { ...settings, cache: out('anew') });
  try {
    const file = out('latest.png');
    const image = (level: number) =>
      sharp({ create: { width: 32, height: 32, channels: 3, background: { r: level, g: 9, b: 9 } } }).png();
    await image(10).toFile(file);
    const first = await source.load(file);
    await image(250).toFile(file);
    const second = await source.load(file);
    expect(second).not.toEqual(first);
    await image(10).toFile(file);
    expect(await source.load(file)).toEqual(first);
    expect(source.counts).toEqual({ cached: 1, encoded: 2, damaged: 0 });
  } finally {
    source.dispose();
    clip.dispose();
    await opened.close();
  }
});

test('without a cache: every image every time, the same prompts', async () => {
  expect((await train('none', '--no-cache')).images).toEqual({
    cached: 0,
    encoded: 27,
    damaged: 0,
    resident: 0,
  });
  expect((await prompts('none')).equals(reference)).toBe(true);
});

test('kept on the GPU: every image is asked for once, the same prompts', async () => {
  const images = { cached: 0, encoded: 9, damaged: 0, resident: 9 };
  expect((await train('gpu', '--no-cache', '--gpu-cache', '16')).images).toEqual(images);
  expect((await prompts('gpu')).equals(reference)).toBe(true);
});

test('in f16: other prompts, which do not depend on whether features come from the cache', async () => {
  const f16 = ['--cache', out('cache16'), '--cache-precision', 'f16'];
  expect((await train('f16-cold', ...f16)).images).toMatchObject({ encoded: 9 });
  expect((await train('f16-warm', ...f16)).images).toMatchObject({ encoded: 0 });
  expect((await prompts('f16-warm')).equals(await prompts('f16-cold'))).toBe(true);
  expect((await prompts('f16-warm')).equals(reference)).toBe(false);
});

test('truncated, changed and empty entries are made again', async () => {
  const entries = (await readdir(out('cache'), { recursive: true }))
    .filter((name) => name.endsWith('.safetensors'))
    .sort();
  expect(entries).toHaveLength(9);
  const [truncated, changed, empty] = entries.map((name) => path.join(out('cache'), name)) as [
    string,
    string,
    string,
  ];
  const bytes = await readFile(changed);
  bytes[bytes.length - 5]! ^= 1; // one bit of one feature
  await writeFile(truncated, (await readFile(truncated)).subarray(0, -7));
  await writeFile(changed, bytes);
  await writeFile(empty, '');
  expect((await train('damaged', '--cache', out('cache'))).images).toEqual({
    cached: 24,
    encoded: 3,
    damaged: 3,
    resident: 0,
  });
  expect((await prompts('damaged')).equals(reference)).toBe(true);
});

test('a cache that cannot be written costs time, not the run', async () => {
  await writeFile(out('file'), 'not a folder');
  const { images, note } = await train('unwritable', '--cache', out('file'));
  expect(images).toEqual({ cached: 0, encoded: 27, damaged: 0, resident: 0 });
  expect(note).toContain('warning: the feature cache cannot be written');
});

test('entries keep features to the bit in f32, and rounded once in f16', async () => {
  const values = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i + 1));
  const features = { image: values(4), patches: values(12) };
  const shapes = new Map([
    ['image', [4]],
    ['patches', [3, 4]],
  ]);
  const entry = { features, width: 7, height: 5 };
  const again = async (of: FeatureEntry, as: 'f32' | 'f16') =>
    readEntry(await writeEntry(of, shapes, as), 'x', shapes);
  expect(await again(entry, 'f32')).toEqual(entry);
  const rounded = { ...entry, features: storedPrecision(features, 'f16') };
  expect(rounded.features.image![0]).not.toBe(features.image[0]);
  expect(await again(entry, 'f16')).toEqual(rounded);
  expect(await again(rounded, 'f16')).toEqual(rounded);
});

test('prefetch keeps the order, loads ahead, and passes errors on in their turn', async () => {
  let running = 0;
  let most = 0;
  const load = async (i: number) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, i % 2 ? 1 : 8));
    running -= 1;
    if (i === 5) throw new Error('five');
    return i;
  };
  const seen: number[] = [];
  await expect(async () => {
    for await (const i of prefetch([0, 1, 2, 3, 4, 5, 6, 7], load, 3)) seen.push(i);
  }).rejects.toThrow('five');
  expect(seen).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(3);
  expect(running).toBe(0); // nothing is left under way
});

test('a queue runs one task at a time, also after a failure', async () => {
  const inTurn = createQueue();
  const log: string[] = [];
  const task = (name: string, fail = false) =>
    inTurn(async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 2));
      log.push(`${name} ends`);
      if (fail) throw new Error(name);
    });
  const results = await Promise.allSettled([task('a', true), task('b')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});
