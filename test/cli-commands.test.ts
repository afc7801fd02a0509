import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createProgram } from '../src/cli/program.ts';
import { heldOutSources } from '../src/data/photos/photos.ts';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { processIo } from '../src/jobs/io.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let model: string[];
const out = (...parts: string[]) => path.join(fixtures.dir, ...parts);
const json = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;

interface Scores {
  images: { image: string; score: number; mapMin: number; mapMax: number; heatmap: string; map: string }[];
  problems: { image: string; problem: string }[];
}

beforeAll(async () => {
  fixtures = await makeFixtures();
  const { clip, data } = fixtures;
  const cache = ['--cache', out('cache')];
  const argv = [
    'train',
    '--data',
    data,
    '--clip',
    clip,
    '--out',
    out('run'),
    '--epochs',
    '2',
    ...cache,
    ...tinyOptions,
  ];
  const { code, note } = await cli(argv);
  expect(code, note).toBe(0);
  model = ['--clip', clip, '--prompts', out('run', 'prompts.safetensors'), ...cache];
});
afterAll(() => fixtures.remove());

describe('help and usage', () => {
  const commands = [
    ['train'],
    ['detect'],
    ['eval'],
    ['prompts'],
    ['benchmark'],
    ['synth'],
    ['weights'],
    ['weights', 'random'],
    ['weights', 'info'],
    ['demo'],
  ];
  test.each(commands)('%s %s --help', async (...command) => {
    const { code, out, note } = await cli([...command.filter(Boolean), '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: faprompt ${command.filter(Boolean).join(' ')}`);
    expect(note).toBe('');
  });

  test('faprompt --help lists every command', async () => {
    const { code, out } = await cli(['--help']);
    expect(code).toBe(0);
    for (const name of ['train', 'detect', 'eval', 'synth', 'weights', 'demo'])
      expect(out).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
  });

  test.each([
    [['paint'], /unknown command/],
    [['train', '--frobnicate'], /unknown option/],
    [['train', '--clip', 'x', '--out', 'y'], /--data is missing/],
    [['train', '--batch', '0'], /--batch.*integer of at least 1/],
    [['train', '--lr', 'fast'], /--lr.*number above 0/],
    [['train', '--preset', 'best'], /topm, official, paper/],
    [['train', '--prior-from', 'last'], /top, first, class/],
    [['train', '--max-mix', '1'], /--max-mix.*two numbers/],
    [['train', '--clip-config', 'small'], /only with --dry-run/],
    [['train', '--dry-run'], /give --clip FILE or --clip-config NAME/],
    [['detect', 'a.png', '--clip', 'x', '--prompts', 'y'], /x: expected a weights file/],
    [['detect', 'a.png', '--clip', 'x', '--prompts', 'y', '--out', 'z', '--range', '1,0'], /A < B/],
    [['eval', '--clip', 'x', '--prompts', 'y'], /--data/],
    [['synth', 'x', '--seed', '-1'], /--seed/],
    [['synth', 'x', '--image-size', '4097'], /--image-size.*integer of 16 to 4096/],
    [['weights', 'list', '--manifest', 'README.md'], /README\.md: expected a list of models as JSON/],
    [['weights', 'list', '--manifest', 'x'], /x: expected a readable list of models, found ENOENT/],
    [
      ['weights', 'quality', 'small', '--image-size', '33'],
      /--image-size: expected a multiple of.* 8, found 33/,
    ],
    [
      ['detect', 'README.md', '--method', 'pair', '--image-size', '33'],
      /--image-size: expected a positive multiple of the patch size 8/,
    ],
    [
      ['train', '--dry-run', '--clip', 'small', '--image-size', '64', '--patches', '65'],
      /faprompt: patches: expected at most the 64 of an image of 64 pixels, found 65/,
    ],
    [
      ['train', '--method', 'filo', '--descriptions', 'package.json'],
      /--descriptions: package\.json: .*expected a list of texts/,
    ],
    [['demo', '--out', 'package.json'], /--out: expected a folder.*found the file/],
    [['demo', '--out', 'src'], /--out: expected an empty folder, or that of an earlier demo, found src/],
    [['pretrain', '--out', 'x', '--width', '33'], /--width: expected a multiple/],
    [['eval', '--merge', 'package-lock.json'], /expected lines that eval --shard wrote, found/],
    [
      ['detect', 'README.md', '--method', 'pair', '--vocabulary', '/nowhere'],
      /--vocabulary: \/nowhere: expected a readable file, found ENOENT/,
    ],
    [['page', '--port', '65536'], /--port.*integer of 0 to 65535/],
    [['pretrain', '--out', 'x', '--export', '.'], /--export: expected a file to write, found the folder/],
    [['train', '--method', 'filo', '--descriptions', '/dev/zero'], /--descriptions: .*found a device/],
  ])('%j: exit code 1 and a reason', async (argv, reason) => {
    const { code, note } = await cli(argv);
    expect(code).toBe(1);
    expect(note).toMatch(reason);
    expect(note).not.toMatch(/\n\s+at /); // no stack
  });

  test('pages that help texts name are in the package', async () => {
    const { files } = JSON.parse(await readFile('package.json', 'utf8')) as { files: string[] };
    expect(files).toContain('docs/*.md');
    const named = new Set<string>();
    const look = async ({ name, commands }: { name: string[]; commands: readonly Command[] }) => {
      const { out } = await cli([...name, '--help']);
      for (const page of out.replace(/\n\s+/g, ' ').match(/\bdocs\/\S+?\.md/g) ?? []) named.add(page);
      for (const inner of commands) await look({ name: [...name, inner.name()], commands: inner.commands });
    };
    await look({ name: [], commands: createProgram(processIo).commands });
    expect(named.size).toBeGreaterThan(3);
    for (const page of named) expect(existsSync(page), page).toBe(true);
  });

  test('without an adapter: one line with what helps', async () => {
    const { GpuError } = await import('../src/gpu/errors.ts');
    const openGpu = async () => {
      throw new GpuError('no-adapter', 'no WebGPU adapter found: install a driver');
    };
    const result = await cli(['eval', '--data', fixtures.data, ...model], { openGpu });
    expect(result).toEqual({ code: 1, out: '', note: 'error: no WebGPU adapter found: install a driver\n' });
  });
});

describe('train --dry-run', () => {
  test('ViT-L/14@336px at 518 pixels: under 4 GiB, far less work than without the savings, no device opened', async () => {
    const openGpu = () => Promise.reject(new Error('opened the device'));
    const argv = ['train', '--dry-run', '--clip-config', 'ViT-L/14@336px'];
    const text = await cli(argv, { openGpu });
    expect(text.code, text.note).toBe(0);
    expect(text.out).toContain('images 518 x 518, 19 of 24 blocks');
    expect(text.out).toContain('peak GPU memory');
    const result = await cli([...argv, '--json'], { openGpu });
    const report = JSON.parse(result.out) as {
      flops: Record<string, number>;
      bytes: Record<string, number>;
      learnables: number;
    };
    expect(report.bytes.peak).toBeLessThan(4 * 2 ** 30);
    expect(report.bytes.peak).toBe(
      report.bytes.weights! + report.bytes.state! + report.bytes.image! + report.bytes.step!,
    );
    // 0.18 TFLOP cached; 9.53 TFLOP for eight images.
    expect(report.flops.step).toBeGreaterThan(0.1e12);
    expect(report.flops.step).toBeLessThan(0.25e12);
    expect(8 * report.flops.image!).toBeGreaterThan(9.5e12);
    expect(report.flops.uncached).toBeGreaterThan(50 * report.flops.step!);
    // ctx_pos, ctx_neg, 8 x 4 layer tokens, Linear(7680, 480), Linear(480, 768).
    expect(report.learnables).toBe(768 * (5 + 20 + 32) + 7680 * 480 + 480 + 480 * 768 + 768);
  });

  test('reads the sizes of a file, and takes options of FAPrompt', async () => {
    const learnables = async (...options: string[]) => {
      const { code, out, note } = await cli([
        'train',
        '--dry-run',
        '--clip',
        fixtures.clip,
        '--json',
        ...options,
      ]);
      expect(code, note).toBe(0);
      return (JSON.parse(out) as { learnables: number }).learnables;
    };
    const one = await learnables('--no-prior', '--prompts', '1');
    expect(one).toBe(64 * (5 + 2 + 4));
    expect(
      await learnables(
        '--no-prior',
        '--prompts',
        '3',
        '--abnormal-tokens',
        '1',
        '--normal-tokens',
        '2',
        '--layer-depth',
        '1',
      ),
    ).toBe(64 * (2 + 3));
    expect(await learnables('--prompts', '1', '--prior-from', 'class')).toBe(one + 2 * 32 + 2 + 64 * 2 + 64);
  });
});

describe('detect', () => {
  test('heat maps at the size of each image, 16-bit maps, scores as table and JSON', async () => {
    const wide = out('wide.jpg');
    await sharp({ create: { width: 90, height: 40, channels: 3, background: '#888' } })
      .jpeg()
      .toFile(wide);
    const {
      code,
      out: table,
      note,
    } = await cli([
      'detect',
      wide,
      path.join(fixtures.data, 'weave', 'test'),
      '--out',
      out('found'),
      ...model,
    ]);
    expect(code, note).toBe(0);
    const { images, problems } = (await json(out('found', 'scores.json'))) as unknown as Scores;
    expect(problems).toEqual([]);
    expect(images).toHaveLength(10);
    expect(images.map(({ heatmap }) => heatmap)).toContain(path.join('good', '000.heatmap.png'));
    for (const { image, score, mapMin, mapMax, heatmap, map } of images) {
      expect(table).toContain(`${image} `);
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1);
      expect(mapMin).toBeGreaterThanOrEqual(0);
      expect(mapMax).toBeLessThanOrEqual(1);
      const { width, height } = await sharp(image).metadata();
      expect(await sharp(out('found', heatmap)).metadata()).toMatchObject({ width, height, channels: 3 });
      expect(await sharp(out('found', map)).metadata()).toMatchObject({
        width,
        height,
        channels: 1,
        depth: 'ushort',
      });
      const pixels = await sharp(out('found', map))
        .toColourspace('grey16')
        .raw({ depth: 'ushort' })
        .toBuffer();
      const values = new Uint16Array(new Uint8Array(pixels).buffer);
      const largest = values.reduce((a, b) => Math.max(a, b)) / 65535;
      expect(largest).toBeLessThanOrEqual(mapMax + 1e-4);
      expect(largest).toBeGreaterThan(mapMax - 0.2 * (mapMax - mapMin) - 1e-4);
    }
  });

  test('an unreadable image is reported and skipped, the rest goes on, exit code 1', async () => {
    const bad = out('bad');
    await mkdir(bad);
    await writeFile(path.join(bad, 'empty.png'), '');
    await writeFile(path.join(bad, 'text.jpg'), 'hello');
    const good = await readFile(path.join(fixtures.data, 'weave/test/good/000.png'));
    await writeFile(path.join(bad, 'cut.png'), good.subarray(0, good.length / 2));
    await writeFile(path.join(bad, 'good.png'), good);
    await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
      .png()
      .toFile(path.join(bad, 'tiny.png'));
    const {
      code,
      out: text,
      note,
    } = await cli(['detect', bad, out('missing.png'), '--out', out('some'), '--json', ...model]);
    expect(code).toBe(1);
    const { images, problems } = JSON.parse(text) as Scores;
    expect(images.map(({ image }) => path.basename(image))).toEqual(['good.png', 'tiny.png']);
    expect(problems.map(({ image }) => path.basename(image))).toEqual([
      'cut.png',
      'empty.png',
      'text.jpg',
      'missing.png',
    ]);
    expect(note).toMatch(/skipped: .*empty\.png: expected an image, found an empty file/);
    expect(note).toMatch(/skipped: .*missing\.png: expected a readable file, found ENOENT/);
    expect(existsSync(out('some', 'good.heatmap.png'))).toBe(true);
  });

  test('the same score whatever is detected beside it', async () => {
    const file = path.join(fixtures.data, 'weave/test/good/001.png');
    await cli(['detect', file, file, '--out', out('alone'), '--no-cache', ...model.slice(0, 4)]);
    const alone = ((await json(out('alone', 'scores.json'))) as unknown as Scores).images;
    const among = ((await json(out('found', 'scores.json'))) as unknown as Scores).images;
    expect(alone[0]!.score).toBe(among.find(({ image }) => image === file)!.score);
    expect(alone.map(({ heatmap }) => heatmap)).toEqual(['001.heatmap.png', '001-2.heatmap.png']);
  });
});

describe('eval', () => {
  test('image and pixel metrics per class and their mean', async () => {
    const {
      code,
      out: table,
      note,
    } = await cli(['eval', '--data', fixtures.data, '--out', out('metrics'), ...model]);
    expect(code, note).toBe(0);
    expect(table).toMatch(
      /class\s+images\s+anomalies\s+img AUROC\s+img AP\s+px AUROC\s+PRO\nweave\s+9\s+5( +[01]\.\d{4}){4}\nmean /,
    );
    const result = await json(out('metrics', 'metrics.json'));
    const [weave] = result.classes as { metrics: Record<string, number> }[];
    for (const name of ['imageAuroc', 'imageAp', 'pixelAuroc', 'pro']) {
      expect(weave!.metrics[name]).toBeGreaterThanOrEqual(0);
      expect(weave!.metrics[name]).toBeLessThanOrEqual(1);
    }
    expect(await readdir(out('metrics'))).toEqual(['metrics.json', 'metrics.txt']);
  });

  test('undefined metrics are - in the table and null in JSON; a missing mask is said', async () => {
    const meta = await json(path.join(fixtures.data, 'meta.json'));
    const entries = (meta.test as { weave: { anomaly: number; mask_path: string }[] }).weave;
    const split = async (name: string, chosen: unknown[]) => {
      const { cp } = await import('node:fs/promises');
      await cp(fixtures.data, out(name), { recursive: true });
      await writeFile(out(name, 'meta.json'), JSON.stringify({ train: {}, test: { weave: chosen } }));
      return cli(['eval', '--data', out(name), '--json', '-', ...model]);
    };
    const normal = await split(
      'normal',
      entries.filter(({ anomaly }) => !anomaly),
    );
    expect(normal.code).toBe(0);
    expect(JSON.parse(normal.out)).toMatchObject({
      mean: { metrics: { imageAuroc: null, imageAp: null, pixelAuroc: null, pro: null } },
    });
    const noMasks = await split(
      'no-masks',
      entries.map((entry) => ({ ...entry, mask_path: '' })),
    );
    expect(JSON.parse(noMasks.out)).toMatchObject({
      mean: { metrics: { imageAuroc: expect.any(Number), pixelAuroc: null, pro: null } },
    });
    const lost = await split(
      'lost',
      entries.map((entry, i) =>
        i === 0 || !entry.mask_path ? entry : { ...entry, mask_path: 'nowhere.png' },
      ),
    );
    expect(lost.code).toBe(1);
    expect(lost.note).toMatch(/skipped: .*nowhere\.png: expected the mask of .*found no such file/);
  });
});

describe('synth and weights', () => {
  test('synth: the same seed, the same bytes', async () => {
    const made = await cli([
      'synth',
      out('s1'),
      '--seed',
      '5',
      '--image-size',
      '32',
      '--classes',
      'tile,dots',
      '--good',
      '1',
      '--defective',
      '2',
      '--json',
    ]);
    expect(JSON.parse(made.out)).toEqual({
      dir: out('s1'),
      classes: ['tile', 'dots'],
      images: 6,
      anomalies: 4,
    });
    await cli([
      'synth',
      out('s2'),
      '--seed',
      '5',
      '--image-size',
      '32',
      '--classes',
      'tile',
      '--good',
      '1',
      '--defective',
      '0',
    ]);
    const image = 'tile/test/good/000.png';
    expect((await readFile(out('s1', image))).equals(await readFile(out('s2', image)))).toBe(true);
    expect(await cli(['synth', out('s1')])).toMatchObject({
      code: 1,
      note: expect.stringContaining('an empty folder'),
    });
  });

  test('weights: random ones say so', async () => {
    const made = await cli(['weights', 'random', out('small.safetensors'), '--dtype', 'f16', '--seed', '0']);
    expect(made.out).toContain('random weights');
    const info = await cli(['weights', 'info', out('small.safetensors'), '--json']);
    expect(JSON.parse(info.out)).toMatchObject({ types: ['F16'], notice: expect.stringContaining('random') });
  });

  test('weights: the shipped file is the one of its model card, and finds defects of families that it never saw', async () => {
    const folder = path.resolve(import.meta.dirname, '../weights');
    const shipped = path.join(folder, 'small-clip.safetensors');
    const { sha256, ...info } = JSON.parse((await cli(['weights', 'info', shipped, '--json'])).out);
    expect(await readFile(path.join(folder, 'README.md'), 'utf8')).toContain(sha256);
    expect(info).toMatchObject({ types: ['F16'], patch: 8, imageResolution: 64, notice: null });
    const quality = await cli(['weights', 'quality', shipped, '--json', '--samples', '64']);
    const heldout = JSON.parse(quality.out).find(({ role }: { role: string }) => role === 'heldout');
    expect(heldout.generic.patch).toBeGreaterThan(0.85);
    expect(heldout.captionAt5).toBeGreaterThan(0.15); // chance: 0.08
  });

  test('weights: so is the CLIP for photographs, and its file says whose photographs they are', async () => {
    const folder = path.resolve(import.meta.dirname, '../weights');
    const { sha256, ...info } = JSON.parse((await cli(['weights', 'info', 'photos', '--json'])).out);
    expect(await readFile(path.join(folder, 'README.md'), 'utf8')).toContain(sha256);
    expect(info).toMatchObject({ types: ['F16'], patch: 8, imageResolution: 96, notice: null });
    const bytes = await readFile(path.join(folder, 'photo-clip.safetensors'));
    const { metadata } = await readSafetensors(bytesSource('photo-clip', bytes));
    const sources = JSON.parse(metadata.get('photographs')!) as { source: string; licence: string }[];
    expect(sources.map(({ source }) => source)).toContain('ambientcg');
    for (const held of heldOutSources) expect(sources.map(({ source }) => source)).not.toContain(held);
    for (const { licence } of sources) expect(licence).not.toBe('');
  });
});
