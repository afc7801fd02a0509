import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSample, openDataset } from '../src/data/dataset.node.ts';
import { losesImage } from '../src/data/dataset.ts';
import { DatasetError, ImageError, MaskError } from '../src/data/errors.ts';
import { encodePng } from '../src/data/image.node.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'faprompt-dataset-'));
});
afterAll(() => rm(folder, { recursive: true }));

const rgb = (width: number, height: number): Promise<Uint8Array> =>
  encodePng({ width, height, data: new Uint8Array(3 * width * height).fill(90) });
const grey = (width: number, height: number, value: number): Promise<Uint8Array> =>
  encodePng({ width, height, data: new Uint8Array(width * height).fill(value) });

/** Makes a folder of files; returns its path. */
async function tree(name: string, files: Record<string, Uint8Array | string>): Promise<string> {
  const root = path.join(folder, name);
  await mkdir(root, { recursive: true });
  for (const [file, bytes] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), bytes);
  }
  return root;
}

const entry = (
  img_path: string,
  mask_path: string,
  anomaly: unknown,
  more: object = {},
): Record<string, unknown> => ({
  img_path,
  mask_path,
  cls_name: 'bottle',
  specie_name: anomaly ? 'broken' : 'good',
  anomaly,
  ...more,
});
const meta = (entries: unknown, split = 'test'): string =>
  JSON.stringify({ train: {}, test: {}, [split]: { bottle: entries } });

async function datasetError(promise: Promise<unknown>): Promise<DatasetError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DatasetError);
  return error as DatasetError;
}

describe('meta.json', () => {
  it('gives samples in the order of the file, masks for anomalies only', async () => {
    const image = await rgb(4, 3);
    const root = await tree('meta', {
      'b/2.png': image,
      'b/1.png': image,
      'b/3.png': image,
      'm/2.png': await grey(4, 3, 255),
      'meta.json': meta([
        entry('b/2.png', 'm/2.png', 1),
        // A normal image's mask is not read, as in the published code: it need not exist.
        entry('b/1.png', 'm/none.png', 0),
        entry('b/3.png', '', 1, { specie_name: 'scratched', mask_path: undefined }),
      ]),
    });
    const dataset = await openDataset(root);
    expect(dataset).toEqual({
      root,
      name: 'meta',
      layout: 'meta.json',
      split: 'test',
      classes: ['bottle'],
      samples: [
        {
          image: path.join(root, 'b/2.png'),
          mask: path.join(root, 'm/2.png'),
          className: 'bottle',
          defect: 'broken',
          anomaly: true,
        },
        { image: path.join(root, 'b/1.png'), className: 'bottle', defect: 'good', anomaly: false },
        { image: path.join(root, 'b/3.png'), className: 'bottle', defect: 'scratched', anomaly: true },
      ],
      problems: [],
      notes: [],
    });
    const [withMask, normal, unlabelled] = await Promise.all(dataset.samples.map((s) => loadSample(s)));
    expect(withMask!.mask!.data).toEqual(new Uint8Array(12).fill(1));
    expect(normal!.mask!.data).toEqual(new Uint8Array(12));
    expect(unlabelled!.mask).toBeUndefined();
    expect([unlabelled!.image.width, unlabelled!.image.height]).toEqual([4, 3]);
    // The other split is empty here.
    expect((await datasetError(openDataset(root, { split: 'train' }))).field).toBe('train');
  });

  it('takes the split that is asked for', async () => {
    const root = await tree('split', {
      'a.png': await rgb(2, 2),
      'meta.json': meta([entry('a.png', '', 0)], 'train'),
    });
    expect((await openDataset(root, { split: 'train' })).samples).toHaveLength(1);
    await datasetError(openDataset(root));
  });

  it('accepts a class without anomalies', async () => {
    const root = await tree('normal', {
      'a.png': await rgb(2, 2),
      'meta.json': meta([entry('a.png', '', 0)]),
    });
    const { samples, problems } = await openDataset(root);
    expect([samples.map((s) => s.anomaly), problems.map(({ kind }) => kind)]).toEqual([
      [false],
      ['one label'],
    ]);
  });

  const broken: [name: string, text: string, field: string | null, expected: string, found: string][] = [
    ['bad JSON', '{"test": {', null, 'JSON', ''],
    ['an array', '[]', null, 'an object', 'an array of 0'],
    ['no split', '{"train": {}}', 'test', 'an object of classes', 'nothing'],
    ['split of a wrong type', '{"test": []}', 'test', 'an object of classes', 'an array of 0'],
    ['class of a wrong type', meta({}), 'test.bottle', 'an array', 'an object'],
    ['entry of a wrong type', meta(['a.png']), 'test.bottle[0]', 'an object', '"a.png"'],
    ['no path', meta([entry('', '', 0)]), 'test.bottle[0].img_path', 'a text', '""'],
    ['path of a wrong type', meta([entry('a', '', 0, { img_path: 3 })]), 'test.bottle[0].img_path', '', '3'],
    [
      'mask of a wrong type',
      meta([entry('a', '', 1, { mask_path: 3 })]),
      'test.bottle[0].mask_path',
      '',
      '3',
    ],
    ['anomaly of a wrong type', meta([entry('a', '', 'yes')]), 'test.bottle[0].anomaly', '0 or 1', '"yes"'],
    [
      'class of a wrong type',
      meta([entry('a', '', 0, { cls_name: {} })]),
      'test.bottle[0].cls_name',
      '',
      'an object',
    ],
    [
      'image outside',
      meta([entry('a.png', '', 0), entry('x/../../a/b', '', 0)]),
      'test.bottle[1].img_path',
      'inside',
      '"x/../../a/b"',
    ],
    ['mask outside', meta([entry('a', '../m', 1)]), 'test.bottle[0].mask_path', 'inside', '"../m"'],
    [
      'absolute path',
      meta([entry('/etc/hosts', '', 0)]),
      'test.bottle[0].img_path',
      'inside',
      '"/etc/hosts"',
    ],
    ['Windows path', meta([entry('C:\\a', '', 0)]), 'test.bottle[0].img_path', 'inside', '"C:\\\\a"'],
    ['empty class', meta([]), 'test', 'at least one image', 'none'],
  ];
  it.each(broken)('refused: %s', async (name, text, field, expected, found) => {
    const root = await tree(`broken ${name}`, { 'meta.json': text, 'a.png': '' });
    const error = await datasetError(openDataset(root));
    expect(error.field).toBe(field);
    expect(error.expected).toContain(expected);
    expect(error.found).toContain(found);
    expect(error.message).toContain(error.file);
    expect(error.file.startsWith(root)).toBe(true);
  });

  it('names each missing image and mask, and keeps the rest', async () => {
    const root = await tree('missing', {
      'a.png': await rgb(2, 2),
      'm.png': await grey(2, 2, 1),
      'meta.json': meta([
        entry('a.png', 'm.png', 1),
        entry('gone.png', '', 0),
        entry('a.png', 'gone_mask.png', 1),
      ]),
    });
    const { samples, problems } = await openDataset(root);
    expect(samples).toHaveLength(1);
    expect(problems.filter(losesImage).map((p) => p.file)).toEqual([
      path.join(root, 'gone.png'),
      path.join(root, 'gone_mask.png'),
    ]);
    expect(problems[0]!.expected).toContain('test.bottle[1]');
    expect(problems[1]!.expected).toContain('mask of a.png');
  });

  it('throws when nothing is left', async () => {
    const root = await tree('all-missing', { 'meta.json': meta([entry('gone.png', '', 0)]) });
    expect((await datasetError(openDataset(root))).found).toContain('gone.png');
  });
});

describe("MVTec AD's layout", () => {
  const files = async (prefix: string): Promise<Record<string, Uint8Array>> => {
    const [image, mask] = [await rgb(4, 4), await grey(4, 4, 255)];
    return {
      [`${prefix}train/good/000.png`]: image,
      [`${prefix}test/good/b.png`]: image,
      [`${prefix}test/good/a.JPG`]: image,
      [`${prefix}test/good/notes.txt`]: image,
      [`${prefix}test/good/.hidden.png`]: image,
      [`${prefix}test/cut/000.png`]: image,
      [`${prefix}test/cut/001.png`]: image,
      [`${prefix}ground_truth/cut/000_mask.png`]: mask,
    };
  };

  it('several classes in a folder, sorted', async () => {
    const root = await tree('mvtec', {
      ...(await files('wood/')),
      ...(await files('carpet/')),
      'licence.txt': '',
      'other/x.png': '',
    });
    const { classes, samples, problems } = await openDataset(root);
    expect(classes).toEqual(['carpet', 'wood']);
    expect(samples.map((s) => path.relative(root, s.image))).toEqual(
      ['carpet', 'wood'].flatMap((c) => [
        path.join(c, 'test/cut/000.png'),
        path.join(c, 'test/good/a.JPG'),
        path.join(c, 'test/good/b.png'),
      ]),
    );
    expect(samples[0]).toMatchObject({
      mask: path.join(root, 'carpet/ground_truth/cut/000_mask.png'),
      defect: 'cut',
      anomaly: true,
    });
    expect(samples[1]).toMatchObject({ defect: 'good', anomaly: false });
    expect(samples[1]!.mask).toBeUndefined();
    expect(problems.filter(losesImage).map((p) => path.relative(root, p.file))).toEqual([
      path.join('carpet/ground_truth/cut/001_mask.png'),
      path.join('wood/ground_truth/cut/001_mask.png'),
    ]);
    // An image that belongs to nothing is said.
    expect(
      problems.filter(({ kind }) => kind === 'unused file').map((p) => path.relative(root, p.file)),
    ).toEqual(['other']);
  });

  it('one class, named after the folder', async () => {
    const root = await tree('zipper', await files(''));
    const { classes, samples } = await openDataset(root);
    expect([classes, samples.length]).toEqual([['zipper'], 3]);
    const train = await openDataset(root, { split: 'train' });
    expect(train.samples).toEqual([
      { image: path.join(root, 'train/good/000.png'), className: 'zipper', defect: 'good', anomaly: false },
    ]);
  });

  it('without ground_truth it labels images only', async () => {
    const image = await rgb(2, 2);
    const root = await tree('labels', { 'test/good/0.png': image, 'test/bad/0.png': image });
    const { samples, problems } = await openDataset(root);
    expect(samples.map((s) => [s.defect, s.anomaly, s.mask])).toEqual([
      ['bad', true, undefined],
      ['good', false, undefined],
    ]);
    expect(problems).toEqual([]);
  });
});

describe('what is not a data set', () => {
  it('an unknown layout, a missing folder, a file', async () => {
    const root = await tree('unknown', { 'photos/1.png': await rgb(2, 2) });
    const unknown = await datasetError(openDataset(root));
    expect(unknown.expected).toBe('meta.json or a known layout');
    expect(unknown.details.join('\n')).toMatch(
      /found 1 file \(1 \.png\) .*e\.g\. photos\/1\.png\nnearest layout/,
    );
    expect((await datasetError(openDataset(path.join(root, 'none')))).found).toBe('nothing');
    expect((await datasetError(openDataset(path.join(root, 'photos/1.png')))).found).toBe('a file');
  });
});

describe('loadSample', () => {
  it('refuses a mask of another size and an unreadable image, by file', async () => {
    const root = await tree('sizes', {
      'a.png': await rgb(4, 3),
      'm.png': await grey(3, 4, 255),
      'b.png': 'text',
      'meta.json': meta([entry('a.png', 'm.png', 1), entry('b.png', '', 0)]),
    });
    const { samples } = await openDataset(root);
    const mask = await loadSample(samples[0]!).catch((e: unknown) => e);
    expect(mask).toBeInstanceOf(MaskError);
    expect((mask as MaskError).message).toBe(
      `${path.join(root, 'm.png')}: expected a mask of 4 x 3 as its image, found 3 x 4`,
    );
    const image = await loadSample(samples[1]!).catch((e: unknown) => e);
    expect(image).toBeInstanceOf(ImageError);
    expect((image as ImageError).file).toBe(path.join(root, 'b.png'));
  });
});

describe('real data', () => {
  const count = (names: string[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  };

  it.skipIf(!hasShared('data/magnetic_tile'))(
    'magnetic_tile: counts, masks that fit, four empty',
    async () => {
      const dataset = await openDataset(sharedPath('data/magnetic_tile'));
      expect(dataset.problems).toEqual([]);
      expect(dataset.classes).toEqual(['magnetic_tile']);
      expect(count(dataset.samples.map((s) => s.defect))).toEqual({
        good: 400,
        blowhole: 115,
        break: 85,
        crack: 57,
        fray: 32,
        uneven: 103,
      });
      expect(dataset.samples.every((s) => s.anomaly === (s.mask !== undefined))).toBe(true);
      const empty: string[] = [];
      for (const sample of dataset.samples.filter((s) => s.mask)) {
        const { image, mask } = await loadSample(sample);
        expect(image.data.length).toBe(3 * mask!.data.length);
        if (!mask!.data.includes(1)) empty.push(sample.defect);
      }
      expect(empty).toEqual(['uneven', 'uneven', 'uneven', 'uneven']);
      // Its own folder, without meta.json, is MVTec AD's layout: the same samples.
      const inner = await openDataset(sharedPath('data/magnetic_tile/magnetic_tile'));
      expect(inner.classes).toEqual(['magnetic_tile']);
      const key = (s: object): string => JSON.stringify(s, Object.keys(s).sort());
      expect(inner.samples.map(key).sort()).toEqual(dataset.samples.map(key).sort());
    },
  );

  it.skipIf(!hasShared('data/brainmri'))('brainmri and headct: counts', async () => {
    const labels = async (name: string): Promise<Record<string, number>> => {
      const { samples, problems } = await openDataset(sharedPath(`data/${name}`));
      expect(problems).toEqual([]);
      expect(samples.every((s) => s.mask === undefined)).toBe(true);
      return count(samples.map((s) => `${s.defect} ${s.anomaly}`));
    };
    expect(await labels('brainmri')).toEqual({ 'yes true': 155, 'no false': 98 });
    expect(await labels('headct')).toEqual({ 'hemorrhage true': 100, 'normal false': 100 });
  });
});
