// Batches at the command line, and who gathers them: the same results whatever --image-batch says, a bad file takes nobody
// with it, nobody waits for an image that does not come.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '../src/data/image.node.ts';
import { generate } from '../src/data/synth/generate.node.ts';
import { drawSample } from '../src/data/synth/stream.ts';
import type { DeviceSlice } from '../src/graph/device-tensor.ts';
import type { Features, ImageEncoder } from '../src/model/clip/image-encoder.ts';
import type { Pixels } from '../src/model/clip/preprocess.ts';
import { createCollector } from '../src/train/features/collector.ts';
import { cli } from './train-fixtures.ts';

let root = '';
const at = (name: string) => path.join(root, name);
const model = ['--clip', 'weights/small-clip.safetensors', '--image-size', '64'];
const trained = [
  '--clip',
  'weights/small-clip.safetensors',
  '--prompts',
  'weights/small-prompts.safetensors',
];
const bad = 'photos/03-bad.png';

beforeAll(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'faprompt-batch-'));
  await generate(at('data'), {
    imageSize: 64,
    good: 3,
    defective: 4,
    seed: 2,
    classes: ['tablet'],
    defects: ['crack'],
  });

  await mkdir(at('photos'));
  // As many sizes as photographs.
  for (let index = 0; index < 6; index += 1) {
    const { image } = drawSample({ role: 'prompt', seed: 1, index, imageSize: 40 + 8 * index });
    await writeFile(at(`photos/0${index}.png`), await encodePng(image));
  }
  await writeFile(at(bad), 'no image');
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('detect', () => {
  const lines = async (...more: string[]) => {
    const { code, out, note } = await cli([
      'detect',
      ...trained,
      '--no-threshold',
      '--json-lines',
      at('photos'),
      ...more,
    ]);
    return { code, out, note };
  };
  test.each([
    ['whole', []],
    ['in tiles', ['--tiles', '2']],
    ['by each prompt', ['--per-prompt']],
  ])(
    '%s: the same lines in the same order with 1, 3 and 8 together; a bad file in the middle is reported',
    async (_, more) => {
      const one = await lines('--no-cache', '--image-batch', '1', ...more);
      expect(one.code).toBe(1);
      const found = one.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { image: string; problem?: string });
      expect(found.map(({ image }) => path.basename(image))).toEqual(
        (await readdir(at('photos'))).sort().map((name) => name),
      );
      expect(found.filter(({ problem }) => problem !== undefined).map(({ image }) => image)).toEqual([
        at(bad),
      ]);
      expect(new Set(one.out.split('\n')).size).toBe(8);
      for (const batch of ['3', '8'])
        expect(await lines('--no-cache', '--image-batch', batch, ...more)).toEqual(one);
    },
  );

  test('heat maps of several are drawn at the same time: the same files, and what cannot be written is said in its turn', async () => {
    const drawn = async (batch: string) => {
      const out = at(`out-${batch}`);
      await mkdir(out);
      await writeFile(path.join(out, '02.prompts.png'), 'somebody else’s');
      const { code, out: text } = await lines(
        '--no-cache',
        '--image-batch',
        batch,
        '--per-prompt',
        '--out',
        out,
      );
      const names = (await readdir(out)).sort();
      const files: Record<string, string> = {};
      for (const name of names)
        files[name] = (await readFile(path.join(out, name), 'latin1')).replaceAll(out, 'OUT');
      const hashes = Object.entries(files).map(([name, text]) => [
        name,
        createHash('sha256').update(text).digest('hex'),
      ]);
      return { code, text: text.replaceAll(out, 'OUT'), files: hashes };
    };
    const one = await drawn('1');
    const images = one.text
      .trim()
      .split('\n')
      .map((line) => path.basename((JSON.parse(line) as { image: string }).image));
    expect(images).toEqual([
      '00.png',
      '01.png',
      '02.png',
      '02.png',
      '03-bad.png',
      '03.png',
      '04.png',
      '05.png',
    ]);
    expect(one.files.length).toBe(3 * 6 + 1);
    const eight = await drawn('8');
    expect(eight.text).toBe(one.text);
    expect(eight.files).toEqual(one.files);
  });

  test('features that a batch left in the cache are those of images alone, down to the files', async () => {
    const cached = async (batch: string) => {
      const cache = at(`cache-${batch}`);
      const { out } = await lines('--cache', cache, '--image-batch', batch);
      const names = (await readdir(cache, { recursive: true })).filter((name) =>
        name.endsWith('.safetensors'),
      );
      const files = await Promise.all(
        names.sort().map(async (name) => [name, await readFile(path.join(cache, name))]),
      );
      return { out, files };
    };
    const one = await cached('1');
    expect(one.files.length).toBe(6);
    expect(await cached('4')).toEqual(one);
    // Half of the entries are lost: the rest is encoded in other company.
    for (const [name] of one.files.slice(0, 3)) await rm(path.join(at('cache-4'), name as string));
    expect(await cached('4')).toEqual(one);
  });
});

test('shards in batches of their own merge to one run of images alone', async () => {
  const evaluation = ['eval', '--data', at('data'), ...model, '--method', 'pair', '--no-cache'];
  const one = await cli([...evaluation, '--image-batch', '1', '--json', '-']);
  expect(one.code, one.note).toBe(0);
  for (const [index, batch] of [
    [1, '2'],
    [2, '8'],
  ] as const)
    expect(
      (
        await cli([
          ...evaluation,
          '--image-batch',
          batch,
          '--shard',
          `${index}/2`,
          '--json-lines',
          at(`${index}.jsonl`),
        ])
      ).code,
    ).toBe(0);
  const merged = await cli(['eval', '--merge', at('1.jsonl'), at('2.jsonl'), '--json', '-']);
  expect(merged.out).toBe(one.out);
});

test('a training on batches of features learns the same bits', async () => {
  const prompts = async (batch: string) => {
    const out = at(`run-${batch}`);
    const { code, note } = await cli([
      ...['train', '--data', at('data'), ...model, '--method', 'coop', '--epochs', '1', '--batch', '3'],
      ...['--no-cache', '--image-batch', batch, '--out', out],
    ]);
    expect(code, note).toBe(0);
    return readFile(path.join(out, 'prompts.safetensors'));
  };
  expect(await prompts('5')).toEqual(await prompts('1'));
});

test('images are decoded by as many threads as there are processors, unless the environment says otherwise', () => {
  const threads = (env: NodeJS.ProcessEnv) => {
    const script = ['scripts/with-vulkan.mjs', process.execPath, '-p', 'process.env.UV_THREADPOOL_SIZE'];
    return Number(
      execFileSync(process.execPath, script, { env: { ...process.env, ...env }, encoding: 'utf8' }),
    );
  };
  expect(threads({ UV_THREADPOOL_SIZE: undefined })).toBe(Math.max(4, os.availableParallelism()));
  expect(threads({ UV_THREADPOOL_SIZE: '7' })).toBe(7);
});

test('--image-batch wants a number of images', async () => {
  const { code, note } = await cli([
    'detect',
    ...trained,
    '--json-lines',
    at('photos'),
    '--image-batch',
    '0',
  ]);
  expect(code).toBe(1);
  expect(note).toMatch(/--image-batch.*at least 1/);
});

describe('who gathers', () => {
  const pixels: Pixels = { width: 1, height: 1, data: new Uint8Array(3) };
  /** An encoder that remembers its batches; what it finds in an image is its place. */
  const gatherer = ({ batch = 3, most = 8, fails = false } = {}) => {
    const batches: number[] = [];
    const taken = new Set<number>();
    const encoder = {
      async encodeStaged(slices: readonly DeviceSlice[]): Promise<Features[]> {
        if (fails) throw new Error('lost');
        const some = slices.slice(0, most);
        batches.push(some.length);
        return some.map(({ offset }) => ({ image: Float32Array.of(offset) }));
      },
    } as unknown as ImageEncoder;
    const collector = createCollector({
      batch,
      staging: {
        places: 2 * batch,
        async put(image, place) {
          if (image.width === 0) throw new Error('too large');
          expect(taken.has(place)).toBe(false); // nobody else's
          taken.add(place);
          return { buffer: {} as GPUBuffer, offset: place };
        },
        dispose() {},
      },
      use: (work) => work(encoder),
      dispose() {},
    });
    const load = async (image: Pixels | undefined, work = async (_: Features) => {}): Promise<boolean> => {
      const ticket = collector.expect(false);
      try {
        await Promise.resolve();
        if (!image) return false;
        await ticket.put(image);
        await ticket.take(async (features) => {
          taken.delete((features.image as Float32Array)[0]!);
          await work(features);
        });
        return true;
      } finally {
        ticket.leave();
      }
    };
    return { collector, batches, load };
  };

  test('whole batches, and one of what is left', async () => {
    const { batches, load } = gatherer();
    expect(await Promise.all(Array.from({ length: 10 }, () => load(pixels)))).toEqual(Array(10).fill(true));
    expect(batches).toEqual([3, 3, 3, 1]);
  });

  test('images that do not come are not waited for, nor those that do not fit', async () => {
    const { batches, load } = gatherer({ batch: 4 });
    const large = { ...pixels, width: 0 };
    const all = await Promise.allSettled(
      [pixels, undefined, large, pixels, undefined].map((each) => load(each)),
    );
    expect(all.map((each) => (each.status === 'fulfilled' ? each.value : 'failed'))).toEqual([
      true,
      false,
      'failed',
      true,
      false,
    ]);
    expect(batches.reduce((a, b) => a + b)).toBe(2);
    // All places are free again.
    expect(await Promise.all(Array.from({ length: 8 }, () => load(pixels)))).toEqual(Array(8).fill(true));
  });

  test('an encoder with room for fewer is handed the rest again', async () => {
    const { batches, load } = gatherer({ batch: 4, most: 1 });
    await Promise.all(Array.from({ length: 4 }, () => load(pixels)));
    expect(batches).toEqual([1, 1, 1, 1]);
  });

  test('a batch begins when everybody is done with the one before, whatever became of their work', async () => {
    const { batches, load } = gatherer({ batch: 2 });
    let end = () => {};
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    const fails = load(pixels, async () => {
      throw new Error('no score');
    });
    const waits = load(pixels, () => held);
    const next = load(pixels);
    await expect(fails).rejects.toThrow('no score');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(batches).toEqual([2]);
    end();
    expect(await Promise.all([waits, next])).toEqual([true, true]);
    expect(batches).toEqual([2, 1]);
  });

  test('what ends the encoder ends everybody, now and later', async () => {
    const { load } = gatherer({ fails: true });
    for (let round = 0; round < 3; round += 1)
      for (const each of await Promise.allSettled([load(pixels), load(pixels)]))
        expect(each.status).toBe('rejected');
  });
});
