// Large photographs in tiles: detect, eval, calibrate and the library.
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tilesOf } from '../src/data/tiles.ts';
import { Detector } from '../src/detector/index.node.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let model: string[];
let photo: string;
const out = (...parts: string[]) => path.join(fixtures.dir, ...parts);
/** Tall, of random blocks, so that every part is another. */
const size = { width: 80, height: 128 };

beforeAll(async () => {
  fixtures = await makeFixtures();
  const given = ['--clip', fixtures.clip, '--no-cache'];
  const { code, note } = await cli([
    ...['train', '--data', fixtures.data, ...given, '--out', out('run'), '--epochs', '1'],
    ...tinyOptions,
  ]);
  expect(code, note).toBe(0);
  model = [...given, '--prompts', out('run', 'prompts.safetensors')];
  photo = out('photo.png');
  const blocks = Uint8Array.from({ length: 3 * 10 * 16 }, (_, i) => (i * 7919 + (i >> 3) * 104729) % 256);
  await sharp(blocks, { raw: { width: 10, height: 16, channels: 3 } })
    .resize(size.width, size.height, { kernel: 'nearest' })
    .png()
    .toFile(photo);
});
afterAll(() => fixtures.remove());

interface Line {
  readonly score: number;
  readonly mapMax: number;
  readonly anomalous?: boolean;
}

async function detect(file: string, ...more: string[]): Promise<Line> {
  const { code, out: line, note } = await cli(['detect', file, ...model, '--json-lines', ...more]);
  expect([0, 2], note).toContain(code);
  return JSON.parse(line) as Line;
}

/** What tiles are, done by hand: each square cut out as an image of its own. */
async function squaresByHand(count: number, overlap: number): Promise<number[]> {
  const files: string[] = [];
  for (const [i, { x, y, side }] of tilesOf(size, { count, overlap }).entries()) {
    files.push(out(`square-${i}.png`));
    await sharp(photo).extract({ left: x, top: y, width: side, height: side }).png().toFile(files[i]!);
  }
  const { code, out: lines, note } = await cli(['detect', ...files, ...model, '--json-lines']);
  expect(code, note).toBe(0);
  return lines
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as Line).score);
}

describe('detect --tiles', () => {
  test('scores as its squares do, each an image of its own; the map has the aspect of the image', async () => {
    const squares = await squaresByHand(2, 0.25);
    expect(squares.length).toBe(8);
    const tiled = await detect(photo, '--tiles', '2');
    expect(tiled.score).toBeCloseTo(Math.max(...squares), 5);
    expect(tiled.score).not.toBe((await detect(photo)).score);
    const other = await detect(photo, '--tiles', '2', '--tile-overlap', '0.5');
    expect(other.score).toBeCloseTo(Math.max(...(await squaresByHand(2, 0.5))), 5);

    const folder = out('found');
    const { code, note } = await cli(['detect', photo, ...model, '--tiles', '2', '--out', folder]);
    expect(code, note).toBe(0);
    expect(JSON.parse(await readFile(path.join(folder, 'scores.json'), 'utf8'))).toMatchObject({
      tiles: { count: 2, overlap: 0.25 },
      images: [{ score: tiled.score }],
    });
    const map = await sharp(path.join(folder, 'photo.map.png')).metadata();
    expect([map.width, map.height]).toEqual([80, 128]);
  });

  test('one tile of a square image is the image', async () => {
    const square = out('square.png');
    await sharp(photo).extract({ left: 0, top: 0, width: 64, height: 64 }).png().toFile(square);
    expect(await detect(square, '--tiles', '1')).toEqual(await detect(square));
  });

  test.each([
    [['--tiles', '0'], /at least 1/],
    [['--tiles', '65'], /--tiles: expected a count of 1 to 64/],
    [['--tiles', '2', '--tile-overlap', '1'], /share of 0 to 0\.9/],
    [['--tile-overlap', '0.5'], /--tile-overlap: only with --tiles/],
    [['--tiles', '2', '--per-prompt'], /--per-prompt: not with --tiles/],
  ])('%j: refused', async (options, message) => {
    const { code, note } = await cli([
      'detect',
      photo,
      ...model,
      '--json-lines',
      '--out',
      out('refused'),
      ...options,
    ]);
    expect(code).toBe(1);
    expect(note).toMatch(message);
    expect(existsSync(out('refused'))).toBe(false);
  });

  test('an image that would be too many tiles is a problem of its own, and the others go on', async () => {
    const long = out('long.png');
    await sharp({ create: { width: 3000, height: 2, channels: 3, background: '#777' } })
      .png()
      .toFile(long);
    const { code, out: lines } = await cli([
      ...['detect', long, photo, ...model, '--json-lines', '--tiles', '1'],
    ]);
    expect(code).toBe(1);
    const [first, second] = lines.trim().split('\n');
    expect(first).toMatch(
      /long\.png: expected an image of at most 1024 tiles, found more, in \d+ x \d+ pixels/,
    );
    expect(JSON.parse(second!)).toMatchObject({ image: photo, score: expect.any(Number) });
  });
});

describe('a threshold belongs to its tiles', () => {
  let stored: string[];
  beforeAll(async () => {
    const good = out('good');
    await mkdir(good);
    for (const [i, color] of ['#123', '#456', '#789'].entries())
      await sharp({ create: { ...size, channels: 3, background: color } })
        .png()
        .toFile(path.join(good, `${i}.png`));
    const file = out('tiled.safetensors');
    const argv = ['calibrate', ...model, '--good', good, '--tiles', '2', '--out', file, '--json'];
    const { code, note } = await cli(argv);
    expect(code, note).toBe(0);
    stored = ['--clip', fixtures.clip, '--no-cache', '--prompts', file];
  });

  test('detect looks at images as calibrate did, unasked', async () => {
    const { out: line } = await cli(['detect', photo, ...stored, '--json-lines']);
    const { score, anomalous } = JSON.parse(line) as Line;
    expect(score).toBe((await detect(photo, '--tiles', '2')).score);
    expect(anomalous).toEqual(expect.any(Boolean));
  });

  test('with other tiles there is no verdict: an error, unless a threshold is given or none is wanted', async () => {
    for (const tiles of [['--no-tiles'], ['--tiles', '3']]) {
      const argv = ['detect', photo, ...stored, '--json-lines', ...tiles];
      const { code, note } = await cli(argv);
      expect(code).toBe(1);
      expect(note).toMatch(/the stored threshold was chosen with 2 tiles .*calibrate anew/);
      expect((await cli([...argv, '--no-threshold'])).code).toBe(0);
      expect((await cli([...argv, '--threshold', '1'])).code).toBe(0);
    }
  });

  test('so does the library, where the verdict is absent instead', async () => {
    const file = stored.at(-1)!;
    const detector = await Detector.load({ clip: fixtures.clip, prompts: file });
    try {
      expect(detector.info).toMatchObject({ tiles: { count: 2, overlap: 0.25 } });
      const parts: number[] = [];
      const tiled = await detector.detect(photo, {
        progress: ({ phase, done, total }) => {
          if (phase === 'compute') parts.push(done / total);
        },
      });
      // One progress for encoder, scorer and all squares.
      expect(parts.length).toBeGreaterThan(8);
      expect(parts).toEqual([...parts].sort((a, b) => a - b));
      expect(parts[0]).toBeLessThan(0.2);
      expect(parts.at(-1)).toBe(1);
      const { out: line } = await cli(['detect', photo, ...stored, '--json-lines']);
      expect(tiled).toMatchObject({
        score: (JSON.parse(line) as Line).score,
        anomalous: (JSON.parse(line) as Line).anomalous,
      });
      // Squares of 46 pixels, of which the CLIP sees 32.
      expect([tiled.map.width, tiled.map.height]).toEqual([56, 89]);
      expect(tiled.map.data.length).toBe(56 * 89);
      await detector.setPrompts(file, { tiles: false });
      const whole = await detector.detect(photo);
      expect(whole.score).toBe((await detect(photo)).score);
      expect([whole.map.width, whole.map.height]).toEqual([32, 32]);
      expect('anomalous' in whole).toBe(false);
      expect(detector.info.prompts?.threshold).toBeUndefined();
      await expect(detector.setPrompts(file, { tiles: 0 })).rejects.toMatchObject({ kind: 'bad-option' });
      await detector.setPrompts(file, { tiles: { count: 2, overlap: 0.25 } });
      expect((await detector.detect(photo)).anomalous).toBe(tiled.anomalous);
    } finally {
      detector.close();
    }
  });
});

test('the size that the weights name is the default of every command, and of the library', async () => {
  const clip = out('sized.safetensors');
  const convert = (size: string, ...more: string[]) =>
    cli(['weights', 'convert', fixtures.clip, clip, '--detect-size', size, ...more]);
  const odd = await convert('50');
  expect(odd.code).toBe(1);
  expect(odd.note).toMatch(/--detect-size: expected a multiple of the patch size 8, found 50/);
  expect((await convert('48')).code).toBe(0);
  const again = out('again.safetensors');
  await cli(['weights', 'convert', clip, again, '--dtype', 'f16']); // what a file says of itself goes along
  for (const file of [clip, again]) {
    const plan = await cli(['train', '--dry-run', '--clip', file, '--json']);
    expect(JSON.parse(plan.out)).toMatchObject({ imageSize: 48, config: { detectSize: 48 } });
    const detector = await Detector.load({ clip: file });
    expect(detector.info.size).toBe(48);
    detector.close();
  }
  const given = await cli(['train', '--dry-run', '--clip', clip, '--image-size', '64', '--json']);
  expect(JSON.parse(given.out)).toMatchObject({ imageSize: 64 });
});

describe('eval --tiles', () => {
  const evaluate = async (...more: string[]) => {
    const argv = ['eval', '--data', fixtures.data, ...model, '--json', '-', ...more];
    const { code, out: json, note } = await cli(argv);
    expect(code, note).toBe(0);
    return JSON.parse(json) as { mean: { metrics: Record<string, number> } };
  };

  test('of square images one tile is no tile; more give other figures, in shards the same as in one run', async () => {
    const { mean } = await evaluate();
    expect((await evaluate('--tiles', '1')).mean).toEqual(mean);
    const tiled = await evaluate('--tiles', '2');
    expect(tiled.mean).not.toEqual(mean);
    const files: string[] = [];
    for (const shard of ['1/2', '2/2']) {
      const file = out(`shard-${shard[0]}.jsonl`);
      files.push(file);
      const argv = ['eval', '--data', fixtures.data, ...model, '--tiles', '2', '--shard', shard];
      const { code, note } = await cli([...argv, '--json-lines', file]);
      expect(code, note).toBe(0);
    }
    const merged = await cli(['eval', '--merge', ...files, '--json', '-']);
    expect(merged.code, merged.note).toBe(0);
    expect((JSON.parse(merged.out) as typeof tiled).mean).toEqual(tiled.mean);
    // A shard of whole images is of another detector.
    const whole = out('whole.jsonl');
    await cli(['eval', '--data', fixtures.data, ...model, '--shard', '2/2', '--json-lines', whole]);
    const mixed = await cli(['eval', '--merge', files[0]!, whole, '--json', '-']);
    expect(mixed.code).toBe(1);
  });

  test('the report says so', async () => {
    const folder = out('report');
    const argv = ['eval', '--data', fixtures.data, ...model, '--tiles', '2', '--bootstrap', '20'];
    const { code, note } = await cli([...argv, '--report', folder]);
    expect(code, note).toBe(0);
    const page = await readFile(path.join(folder, 'report.html'), 'utf8');
    expect(page).toContain('2 tiles along the shorter side');
  });
});
