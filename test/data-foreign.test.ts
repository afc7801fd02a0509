// Data sets as other systems and tools write them: read, or refused with what was found.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { walkFolder } from '../src/base/walk.node.ts';
import { checkDataset } from '../src/data/check.node.ts';
import { openDataset } from '../src/data/dataset.node.ts';
import { DatasetError } from '../src/data/errors.ts';
import { encodePng } from '../src/data/image.node.ts';
import { isMaskFolder, isNormalName } from '../src/data/layouts/labels.ts';
import { type Files, height, leftHalf, maskPng, png, width, writeTree } from './data-layouts.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'faprompt-foreign-'));
});
afterAll(() => rm(folder, { recursive: true }));

let trees = 0;
async function tree(files: Files, name = 'leather'): Promise<string> {
  const root = path.join(folder, `${trees++}`, name);
  await writeTree(root, files);
  return root;
}

/** Labels and masks by image, relative. */
async function read(root: string) {
  const { samples, problems, notes } = await openDataset(root);
  return {
    samples: Object.fromEntries(
      samples.map(({ image, anomaly, mask }) => [
        path.relative(root, image).normalize('NFC'),
        anomaly ? (mask === undefined ? 'anomalous' : 'masked') : 'normal',
      ]),
    ),
    problems: problems.map(({ kind, file }) => `${kind}: ${path.relative(root, file)}`),
    notes,
  };
}

const datasetError = async (promise: Promise<unknown>): Promise<DatasetError> => {
  const error = await promise.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DatasetError);
  return error as DatasetError;
};

const entry = (image: string, mask: string | null, anomaly: unknown, more: object = {}): object => ({
  img_path: image,
  mask_path: mask,
  cls_name: 'leather',
  specie_name: anomaly ? 'dent' : 'good',
  anomaly,
  ...more,
});
const meta = (...entries: object[]): string => JSON.stringify({ train: {}, test: { leather: entries } });

describe('meta.json as scripts write it', () => {
  const files = async (metaJson: string | Uint8Array): Promise<Files> => ({
    'test/good/0.png': await png(),
    'test/dent/0.png': await png(),
    'ground_truth/dent/0.png': await maskPng(),
    'meta.json': metaJson,
  });
  const right = { 'test/good/0.png': 'normal', 'test/dent/0.png': 'masked' };

  it.each<[string, (root: string) => string | Uint8Array]>([
    [
      'empty specie_name, no mask',
      () =>
        meta(
          entry('test/good/0.png', '', 0, { specie_name: '' }),
          entry('test/dent/0.png', 'ground_truth/dent/0.png', 1, { specie_name: '' }),
        ),
    ],
    [
      'fields left out or null, labels as text, numbers as names',
      () =>
        meta(
          { img_path: 'test/good/0.png', anomaly: '0', cls_name: null, specie_name: null },
          {
            img_path: 'test/dent/0.png',
            mask_path: ['ground_truth/dent/0.png'],
            anomaly: true,
            specie_name: 3,
          },
        ),
    ],
    [
      'absolute paths, with two slashes',
      (root) =>
        meta(
          entry(`${root}//test/good/0.png`, '', 0),
          entry(`${root}//test/dent/0.png`, `${root}/ground_truth/dent/0.png`, 1),
        ),
    ],
    [
      "Windows' separators",
      () =>
        meta(
          entry('test\\good\\0.png', '', 0),
          entry('.\\test\\dent\\0.png', 'ground_truth\\dent\\0.png', 1),
        ),
    ],
    [
      'paths of the Windows machine that it was made on',
      () =>
        meta(
          entry('D:\\sets\\leather\\test\\good\\0.png', '', 0),
          entry('D:\\sets\\leather\\test\\dent\\0.png', 'D:/sets/leather/ground_truth/dent/0.png', 1),
        ),
    ],
    [
      'another letter case',
      () => meta(entry('Test/Good/0.PNG', '', 0), entry('test/dent/0.png', 'Ground_Truth/dent/0.png', 1)),
    ],
    [
      'NaN where pandas has no value',
      () =>
        meta(
          entry('test/good/0.png', null, 0),
          entry('test/dent/0.png', 'ground_truth/dent/0.png', 1),
        ).replace('null', 'NaN'),
    ],
    [
      'a byte order mark',
      () =>
        `\ufeff${meta(entry('test/good/0.png', '', 0), entry('test/dent/0.png', 'ground_truth/dent/0.png', 1))}`,
    ],
    [
      'UTF-16 with and without a mark',
      () =>
        Buffer.from(
          meta(entry('test/good/0.png', '', 0), entry('test/dent/0.png', 'ground_truth/dent/0.png', 1)),
          'utf16le',
        ),
    ],
    [
      'an empty train',
      () =>
        meta(entry('test/good/0.png', '', 0), entry('test/dent/0.png', 'ground_truth/dent/0.png', 1)).replace(
          '"train":{}',
          '"train":null',
        ),
    ],
  ])('%s', async (_, content) => {
    const root = await tree(await files(''));
    await writeFile(path.join(root, 'meta.json'), content(root));
    const { samples, problems } = await read(root);
    expect([samples, problems]).toEqual([right, []]);
    expect((await checkDataset(root)).findings).toEqual([]);
  });

  it('Latin-1 names, and names that are equal but for Unicode normalisation', async () => {
    const root = await tree({
      'test/été/0.png': await png(),
      [`test/${'köln'.normalize('NFD')}/0.png`]: await png(),
      'meta.json': Buffer.from(
        meta(entry('test/été/0.png', '', 0), entry('test/köln/0.png', '', 1)),
        'latin1',
      ),
    });
    const expected = { 'test/été/0.png': 'normal', 'test/köln/0.png': 'anomalous' };
    expect((await read(root)).samples).toEqual(expected);
  });

  it('a path of another machine is said; one that is elsewhere, or leaves the folder, is refused', async () => {
    const root = await tree(
      await files(
        meta(entry('/old/place/test/good/0.png', '', 0), entry('/old/place/test/gone/1.png', '', 0)),
      ),
    );
    const { notes, problems } = await read(root);
    expect(notes[0]).toMatch(/1 paths of meta\.json lead elsewhere .* \/old\/place\/test\/good\/0\.png/);
    expect(problems).toEqual(['missing: test/gone/1.png', 'one label: ']);
    for (const outside of ['/etc/hosts', '../x.png', 'test\\..\\..\\x.png', 'a\0b']) {
      await writeFile(path.join(root, 'meta.json'), meta(entry(outside, '', 0)));
      expect((await datasetError(openDataset(root))).field).toBe('test.leather[0].img_path');
    }
  });

  it.each([
    ['version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n', /Git LFS pointer/],
    ['<html><body>404</body></html>', /an HTML page/],
    ['', /an empty file/],
    ['\x1f\x8b\x08\0', /gzip/],
  ])('not JSON at all: %j', async (content, found) => {
    const root = await tree({ 'meta.json': Buffer.from(content, 'latin1') });
    expect((await datasetError(openDataset(root))).found).toMatch(found);
  });

  it('without images: a finding', async () => {
    const root = await tree({ 'meta.json': '{"train": {}, "test": {"leather": []}}' });
    const { findings } = await checkDataset(root);
    expect(findings.map(({ kind }) => kind)).toEqual(['no images']);
  });
});

describe('folders under other names', () => {
  it.each(
    'good ok OK Normal NORMAL healthy no non-defective non_defective No_Defect 0_good 正常 good_images OK-parts normal1'.split(
      ' ',
    ),
  )('%s is normal', async (name) => {
    expect(isNormalName(name)).toBe(true);
    const root = await tree({
      [`test/${name}/0.png`]: await png(),
      'test/dent/0.png': await png(),
      'ground_truth/dent/0_mask.png': await maskPng(),
    });
    expect((await read(root)).samples).toEqual({
      [`test/${name}/0.png`]: 'normal',
      'test/dent/0.png': 'masked',
    });
    const flat = await tree({ [`${name}/0.png`]: await png(), 'abnormal/7.png': await png() });
    // `no` alone is the layout of yes and no.
    expect((await read(flat)).samples).toEqual({
      [`${name}/0.png`]: 'normal',
      'abnormal/7.png': 'anomalous',
    });
  });

  it.each(['not_good', 'ng', 'abnormal', 'defective', 'bad', 'ko', 'broken', 'unhealthy', 'nodule', 'yes'])(
    '%s is not',
    (name) => expect(isNormalName(name)).toBe(false),
  );

  it.each<[string, string]>([
    ['ground_truth/dent/0_mask.png', 'MVTec AD'],
    ['ground_truth/dent/0.png', 'VisA, converted'],
    ['ground_truth/dent/0/000.png', 'a folder per image, as MVTec LOCO'],
    ['masks/dent/0_mask.png', 'masks'],
    ['Ground Truth/dent/0_gt.png', 'another ending'],
    ['gt/test/dent/0.bmp', 'the split below'],
    ['test/masks/dent/0.png', 'inside the split'],
  ])('masks in %s (%s)', async (mask) => {
    expect(isMaskFolder(mask.split('/').find(isMaskFolder) ?? '')).toBe(true);
    const root = await tree({
      'test/good/0.png': await png(),
      'test/dent/0.png': await png(),
      [mask]: await maskPng(),
    });
    expect(await read(root)).toEqual({
      samples: { 'test/good/0.png': 'normal', 'test/dent/0.png': 'masked' },
      problems: [],
      notes: [],
    });
  });

  it('masks and images that belong to nothing are counted and named', async () => {
    const root = await tree({
      'leather/test/good/0.png': await png(),
      'leather/test/dent/0.png': await png(),
      'leather/overlays/dent/0.png': await maskPng(),
      'leather/overlays/dent/1.png': await maskPng(1),
      'leather/test/dent/scan.heic': 'x',
    });
    const { findings, notes } = await checkDataset(root);
    expect(findings).toMatchObject([{ kind: 'unused file', file: 'leather/overlays/dent' }]);
    expect(findings[0]!.found).toBe('2 image files that belong to nothing, e.g. 0.png');
    expect(notes.join('\n')).toContain('left out: 1 file (1 .heic)');
  });

  it('flat: normal, abnormal, mask', async () => {
    const root = await tree({
      'normal/0.png': await png(),
      'abnormal/dent.png': await png(),
      'mask/dent.png': await maskPng(),
    });
    expect((await read(root)).samples).toEqual({ 'abnormal/dent.png': 'masked', 'normal/0.png': 'normal' });
  });

  it('another name, which only the training images have: normal, and said', async () => {
    const root = await tree({
      'train/standard/0.png': await png(),
      'test/standard/0.png': await png(),
      'test/dent/0.png': await png(),
    });
    const { samples, notes } = await read(root);
    expect(samples).toEqual({ 'test/dent/0.png': 'anomalous', 'test/standard/0.png': 'normal' });
    expect(notes[0]).toMatch(/standard, the only one in train, counts as normal/);
  });

  it('val for test where there is no test, and left out where there is', async () => {
    const val = { 'leather/val/good/0.png': await png(), 'leather/val/dent/0.png': await png() };
    expect(Object.keys((await read(await tree(val))).samples)).toHaveLength(2);
    const both = await read(
      await tree({
        ...val,
        'leather/test/good/0.png': await png(),
        'leather/test/dent/0.png': await png(),
      }),
    );
    expect(Object.keys(both.samples)).toEqual(['leather/test/dent/0.png', 'leather/test/good/0.png']);
    expect([both.problems, both.notes[0]]).toEqual([[], '2 validation images are left out']);
  });

  it("VisA's file of splits in another letter case, encoding, and with Windows' separators", async () => {
    const rows = [
      'Object;split;label;image;mask',
      'candle;test;normal;candle\\a.JPG;',
      'candle;test;anomaly;candle\\b.JPG;candle\\m.png',
      '',
    ];
    const root = await tree({
      'Split_CSV/1CLS.csv': Buffer.from(`\ufeff${rows.join('\r\n')}`, 'utf16le'),
      'candle/a.JPG': await png(),
      'candle/b.JPG': await png(),
      'candle/m.png': await maskPng(),
    });
    expect((await read(root)).samples).toEqual({ 'candle/a.JPG': 'normal', 'candle/b.JPG': 'masked' });
  });

  it('an unknown layout: what was found, and the nearest', async () => {
    const root = await tree({
      'leather/test/good/batch1/0.png': await png(),
      'leather/train/good/batch1/0.png': await png(),
      'leather/x.jp2': '',
    });
    const { details } = await datasetError(openDataset(root));
    expect(details.join('\n')).toMatch(
      /found 2 files \(2 \.png\).*e\.g\. leather\/test\/good\/batch1\/0\.png\n.*1 \.jp2.*\nnearest layout: MVTec AD, which has <class>\/<split>\/<defect>\/<name>\n/,
    );
  });
});

describe('masks and labels that say nothing', () => {
  const grey = (data: Uint8Array) => encodePng({ width, height, data });
  const base = async (mask: Uint8Array): Promise<string> =>
    tree({
      'test/good/0.png': await png(),
      'test/dent/0.png': await png(),
      'ground_truth/dent/0_mask.png': mask,
    });
  const border = Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return x === 0 || y === 0 || x === width - 1 || y === height - 1 ? 255 : 0;
  });

  it('all white, and inverted', async () => {
    const kinds = async (mask: Uint8Array) =>
      (await checkDataset(await base(await grey(mask)))).findings.map(({ kind }) => kind);
    expect(await kinds(new Uint8Array(width * height).fill(255))).toEqual(['full mask']);
    expect(await kinds(border)).toEqual(['inverted mask']);
    expect(await kinds(leftHalf.map((one) => 255 * one))).toEqual([]);
  });

  it('images of one label only', async () => {
    const anomalous = await tree({ 'test/dent/0.png': await png(), 'test/cut/0.png': await png() });
    const { findings } = await checkDataset(anomalous);
    expect(findings.map(({ kind, found }) => [kind, found])).toEqual([
      ['one label', '2 anomalous, none normal, e.g. test/cut/0.png'],
    ]);
    expect((await read(anomalous)).problems).toEqual(['one label: ']);
    const normal = await tree({ 'test/good/0.png': await png(), 'train/good/0.png': await png() });
    expect((await checkDataset(normal)).findings.map(({ kind }) => kind)).toEqual(['one label']);
  });
});

describe('listing a folder', () => {
  it('leaves out hidden and system files, follows links once, names what it cannot read', async () => {
    const root = await tree({
      'a.png': '',
      'sub/b.png': '',
      '.hidden/c.png': '',
      '._a.png': '',
      '__MACOSX/d.png': '',
      'Thumbs.db': '',
      'desktop.ini': '',
      '@eaDir/e.png': '',
    });
    await mkdir(path.join(root, 'folder.png'));
    await symlink('..', path.join(root, 'sub', 'up'));
    await symlink('.', path.join(root, 'self'));
    await symlink('sub', path.join(root, 'other'));
    await symlink('nowhere', path.join(root, 'broken.png'));
    const { files, unreadable, whole } = await walkFolder(root);
    expect(files).toEqual(['a.png', 'other/b.png', 'sub/b.png']);
    expect([unreadable.map(({ path }) => path), whole]).toEqual([['broken.png'], true]);
  });
});
