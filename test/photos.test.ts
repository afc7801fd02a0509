import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import { describePhoto, namingOf, thingOf } from '../src/data/photos/captions.ts';
import { generateFromPhotos } from '../src/data/photos/dataset.node.ts';
import { lookAt } from '../src/data/photos/look.ts';
import { licences, type Photo, parsePhotos } from '../src/data/photos/photos.ts';
import { openPhotos, type PhotoKind, type PhotoStream, streamOf } from '../src/data/photos/stream.node.ts';
import { captionLength } from '../src/data/synth/captions.ts';
import { defectsOf } from '../src/data/synth/roles.ts';
import { createWordTokenizer, tokenize } from '../src/model/clip/tokenizer/tokenizer.ts';
import { drawBatch } from '../src/train/pretrain/batch.ts';
import { pretrainWords, textLength } from '../src/train/pretrain/settings.ts';
import { tinyPretraining } from './pretrain-fixtures.ts';

const row = (photo: Record<string, unknown>) =>
  JSON.stringify({ state: 'normal', group: 'surface', licence: 'CC0-1.0', mask: null, ...photo });

describe('index.jsonl', () => {
  const good = row({ path: 'images/wood/1.jpg', caption: 'oak wood' });

  test('gives sources, and counts their licences', () => {
    const photos = parsePhotos(`${good}\n\n${good}\n`, 'index.jsonl');
    expect(photos.map(({ source, mask, state }) => [source, mask, state])).toEqual([
      ['wood', null, 'normal'],
      ['wood', null, 'normal'],
    ]);
    expect(licences(photos)).toEqual([{ source: 'wood', licence: 'CC0-1.0', images: 2 }]);
  });

  test.each([
    ['not JSON', 'line 2'],
    [
      row({ path: '../secret.jpg', caption: 'x' }),
      'line 2.path: expected a path inside the folder, found "../secret.jpg"',
    ],
    [row({ path: 'images/wood/../../secret.jpg', caption: 'x' }), 'line 2.path: expected a path inside'],
    [row({ path: 'wood.jpg', caption: 'x' }), 'line 2.path: expected images/SOURCE/..., found "wood.jpg"'],
    [row({ path: 'images/wood/1.jpg' }), 'line 2.caption: expected words, found nothing'],
    [
      row({ path: 'images/wood/1.jpg', caption: 'oak', licence: '' }),
      `line 2.licence: expected a licence's name, found ""`,
    ],
    [row({ path: 'images/wood/1.jpg', caption: 'oak', mask: '/etc/passwd' }), 'line 2.mask: expected a path'],
  ])('refuses %s', (line, field) => {
    expect(() => parsePhotos(`${good}\n${line}`, 'index.jsonl')).toThrow(`index.jsonl, field ${field}`);
  });

  test('refuses an index of nothing', () => {
    expect(() => parsePhotos('\n', 'index.jsonl')).toThrow('at least one photograph');
  });
});

describe('captions', () => {
  test('name the thing, not the place, and fit a training text', () => {
    expect(thingOf({ caption: 'Alpro blueberry soyghurt in a shop' })).toBe('alpro blueberry soyghurt');
    expect(thingOf({ caption: 'arla natural mild low fat yoghurt on a plain background' })).toBe(
      'mild low fat yoghurt',
    );
    const random = createRandom(1);
    const naming = namingOf({ state: 'oxide scale of temperature system' });
    for (let i = 0; i < 300; i++) {
      const words = describePhoto(random, 'mild low fat yoghurt', naming).split(' ');
      expect(words.length).toBeLessThanOrEqual(captionLength);
    }
  });
});

describe('a look', () => {
  const image = { width: 60, height: 40, data: new Uint8Array(60 * 40 * 3).fill(128) };
  const mask = { width: 60, height: 40, data: new Uint8Array(60 * 40) };
  for (let y = 10; y < 30; y++) for (let x = 20; x < 40; x++) mask.data[y * 60 + x] = 1;
  for (let i = 0; i < mask.data.length; i++) if (mask.data[i]) image.data.fill(255, 3 * i, 3 * i + 3);

  test('moves mask and picture alike', () => {
    const options = { size: 48, turned: true, leastPart: 0.5 };
    for (let seed = 0; seed < 8; seed++) {
      const { canvas, covered } = lookAt(createRandom(seed), image, mask, options);
      let agree = 0;
      for (let i = 0; i < covered!.length; i++) {
        const bright = (canvas.data[3 * i]! - 128 / 255) / (1 - 128 / 255);
        if (Math.abs(bright - covered![i]!) < 0.5) agree += 1;
      }
      expect(agree / covered!.length).toBeGreaterThan(0.97);
      expect(Math.max(...canvas.data)).toBeLessThanOrEqual(1.000001);
    }
  });
});

describe('a stream', () => {
  let dir: string;
  let photos: PhotoStream;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-photos-'));
    const rows: string[] = [];
    for (const [source, state] of [
      ['wood', 'normal'],
      ['cloth', 'normal'],
      ['steel', 'rust'],
      ['secret', 'normal'],
    ] as const) {
      const noise = {
        create: {
          width: 80,
          height: 64,
          channels: 3,
          background: '#a08060',
          noise: { type: 'gaussian', mean: 128, sigma: 30 },
        },
      } as const;
      await mkdir(path.join(dir, 'images', source), { recursive: true });
      await sharp(noise)
        .jpeg()
        .toFile(path.join(dir, 'images', source, '1.jpg'));
      let mask: string | null = null;
      if (state !== 'normal') {
        mask = 'masks/steel.png';
        await mkdir(path.join(dir, 'masks'));
        const data = Uint8Array.from({ length: 80 * 64 }, (_, i) => (i % 80 > 30 && i % 80 < 50 ? 255 : 0));
        await sharp(data, { raw: { width: 80, height: 64, channels: 1 } })
          .png()
          .toFile(path.join(dir, mask));
      }
      rows.push(row({ path: `images/${source}/1.jpg`, caption: `${source} sheet`, state, mask }));
    }
    await writeFile(path.join(dir, 'index.jsonl'), rows.join('\n'));
    photos = await openPhotos(dir, ['secret']);
  });
  afterAll(() => rm(dir, { recursive: true }));

  test('is the same for the same numbers, and leaves held-out sources out', async () => {
    expect(photos.photos.map(({ source }) => source)).toEqual(['wood', 'cloth', 'steel']);
    expect(photos.words).not.toContain('secret');
    const request = { kind: 'painted', seed: 3, index: 7, imageSize: 32 } as const;
    expect(await photos.draw(request)).toEqual(await photos.draw(request));
    expect((await openPhotos(dir, [])).hash).not.toBe(photos.hash);
  });

  test('surfaces are the part that is asked for, of flawless and painted ones', async () => {
    const photo = (source: string, group: string): Photo => ({
      ...{ image: 'images/wood/1.jpg', mask: null, state: 'normal', licence: 'CC0-1.0' },
      ...{ source, group, caption: `${source} sheet` },
    });
    const { draw } = streamOf(dir, [
      photo('wood', 'surface'),
      photo('cup', 'object'),
      photo('hat', 'object'),
    ]);
    const surfaces = async (share: number | undefined, kind: PhotoKind) => {
      const requests = Array.from({ length: 60 }, (_, index) => ({ kind, seed: 5, index, imageSize: 16 }));
      const samples = await Promise.all(requests.map((request) => draw({ ...request, surfaces: share })));
      return samples.filter(({ caption }) => caption.includes('wood')).length;
    };
    for (const kind of ['flawless', 'painted'] as const) {
      expect(await surfaces(0, kind)).toBe(0);
      expect(await surfaces(1, kind)).toBe(60);
      // Within four standard deviations of 60 throws.
      expect(Math.abs((await surfaces(0.75, kind)) - 45)).toBeLessThan(14);
      expect(Math.abs((await surfaces(undefined, kind)) - 20)).toBeLessThan(15);
    }
  });

  test('paints defects whose mask covers what changed, and shows real ones', async () => {
    let painted = 0;
    for (let index = 0; index < 12; index++) {
      const request = { seed: 1, index, imageSize: 48 };
      const [clean, with_] = [
        await photos.draw({ ...request, kind: 'flawless' }),
        await photos.draw({ ...request, kind: 'painted' }),
      ];
      expect(clean.abnormal).toBe(false);
      expect(Math.max(...clean.mask!.data)).toBe(0);
      if (!with_.abnormal) continue;
      painted += 1;
      expect(with_.mask!.data.some((value) => value === 1)).toBe(true);
      const real = await photos.draw({ ...request, kind: 'real' });
      expect(real.abnormal).toBe(true);
      expect(real.caption).toMatch(/steel sheet/);
      expect(real.mask!.data.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
    }
    expect(painted).toBeGreaterThan(6);
  });

  test('feeds batches whose texts the vocabulary knows', async () => {
    const words = pretrainWords(photos.words);
    const settings = {
      ...tinyPretraining,
      words,
      batch: 16,
      photos: { hash: photos.hash, flawless: 0.3, painted: 0.3, real: 0.3 },
    };
    const batch = await drawBatch(settings, 1, photos);
    expect(batch.tokens.length).toBe(32 * textLength);
    expect(batch.images.every(Number.isFinite)).toBe(true);
    expect(await drawBatch(settings, 1, photos)).toEqual(batch);
    const tokenizer = createWordTokenizer(words);
    for (let index = 0; index < 30; index++) {
      const { caption, counterpart } = await photos.draw({ kind: 'painted', seed: 2, index, imageSize: 16 });
      for (const text of [caption, counterpart]) tokenize(tokenizer, text, textLength);
    }
    await expect(drawBatch(settings, 1)).rejects.toThrow('photographs');
  });

  test('is written as a data set: a class for each source, real defects where there are masks, else painted ones', async () => {
    const out = path.join(dir, 'set');
    const options = {
      seed: 4,
      imageSize: 48,
      sources: ['steel', 'wood'],
      families: ['nut'],
      good: 2,
      defective: 3,
    } as const;
    const items = await generateFromPhotos(out, dir, options);
    expect(items.map(({ className, defect }) => `${className} ${defect}`)).toEqual([
      ...['steel null', 'steel null', 'steel real', 'steel real', 'steel real'],
      ...['wood null', 'wood null', 'wood painted', 'wood painted', 'wood painted'],
      ...[
        'nut null',
        'nut null',
        ...defectsOf('nut')
          .slice(0, 3)
          .map((defect) => `nut ${defect}`),
      ],
    ]);
    const files = await Promise.all(items.map(({ image }) => readFile(path.join(out, image))));
    for (const { mask } of items) {
      if (mask === null) continue;
      const { data, info } = await sharp(path.join(out, mask))
        .toColourspace('b-w')
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([info.width, info.height, info.channels]).toEqual([48, 48, 1]);
      expect([...new Set(data)].sort((a, b) => a - b)).toEqual([0, 255]);
    }
    const again = path.join(dir, 'again');
    await generateFromPhotos(again, dir, options);
    for (const [i, { image }] of items.entries())
      expect((await readFile(path.join(again, image))).equals(files[i]!), image).toBe(true);
    const unknown = { ...options, sources: ['marble'] };
    await expect(generateFromPhotos(path.join(dir, 'x'), dir, unknown)).rejects.toThrow(
      'some of wood, cloth, steel, secret, found marble',
    );
  });
});
