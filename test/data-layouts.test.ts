import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDataset } from '../src/data/check.node.ts';
import { loadSample, openDataset } from '../src/data/dataset.node.ts';
import { DatasetError } from '../src/data/errors.ts';
import { type Files, leftHalf, maskPng, png, tinyCopies, writeTree } from './data-layouts.ts';

const copies = await tinyCopies();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'faprompt-layouts-'));
});
afterAll(() => rm(folder, { recursive: true }));

let trees = 0;
async function tree(name: string, files: Files): Promise<string> {
  const root = path.join(folder, `${trees++}`, name);
  await writeTree(root, files);
  return root;
}

async function datasetError(promise: Promise<unknown>): Promise<DatasetError> {
  const error = await promise.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DatasetError);
  return error as DatasetError;
}

describe('the nineteen data sets of the paper', () => {
  it('are all there', () => {
    expect(new Set(copies.map(({ name }) => name)).size).toBe(19);
  });

  it.each(copies)(
    '$name ($layout): labels, kinds and masks',
    async ({ name, layout, files, test, train }) => {
      const root = await tree(name, files);
      const dataset = await openDataset(root);
      expect([dataset.name, dataset.layout, dataset.problems]).toEqual([name, layout, []]);
      expect(
        dataset.samples.map(({ image, className, defect, anomaly, mask }) => ({
          image: path.relative(root, image).split(path.sep).join('/'),
          className,
          defect,
          anomaly,
          mask: mask !== undefined,
        })),
      ).toEqual(test);
      for (const sample of dataset.samples) {
        const { mask } = await loadSample(sample);
        const expected = sample.mask ? leftHalf : sample.anomaly ? undefined : leftHalf.map(() => 0);
        expect(mask?.data).toEqual(expected);
      }
      if (train > 0) expect((await openDataset(root, { split: 'train' })).samples).toHaveLength(train);
      else expect((await datasetError(openDataset(root, { split: 'train' }))).field).toBe('train');
    },
  );

  it.each(copies)(
    '$name ($layout): nothing is wrong with the copy',
    async ({ name, layout, files, test }) => {
      const report = await checkDataset(await tree(name, files));
      expect(report.findings).toEqual([]);
      expect([report.name, report.layout]).toEqual([name, layout]);
      const counted = report.classes.filter(({ split }) => split === 'test');
      expect(counted.map(({ images }) => images).reduce((a, b) => a + b)).toBe(test.length);
      expect(counted.map(({ masks }) => masks).reduce((a, b) => a + b)).toBe(
        test.filter(({ mask }) => mask).length,
      );
      const unsure = '1 images with a defect probability between 0 and 1 are left out';
      const anomalous = 'all images are anomalous, as the layout says: no image metrics';
      expect(report.notes).toEqual(
        name === 'ELPV' ? [unsure] : test.every(({ anomaly }) => anomaly) ? [anomalous] : [],
      );
    },
  );
});

describe('recognition', () => {
  it('goes into an only sub-folder, as archives unpack', async () => {
    const { files } = copies.find(({ name }) => name === 'TN3K')!;
    const nested = Object.fromEntries(
      Object.entries(files).map(([file, bytes]) => [`Thyroid Dataset/tn3k/${file}`, bytes]),
    );
    const root = await tree('download', nested);
    const { name, samples } = await openDataset(root);
    expect(name).toBe('TN3K');
    expect(samples[0]!.image).toBe(path.join(root, 'Thyroid Dataset/tn3k/test-image/0000.jpg'));
    expect((await loadSample(samples[0]!)).mask!.data).toEqual(leftHalf);
  });

  it('takes one class for itself', async () => {
    const { files } = copies.find(({ name }) => name === 'BTAD')!;
    const one = Object.fromEntries(
      Object.entries(files).flatMap(([file, bytes]) =>
        file.startsWith('01/') ? [[file.slice(3), bytes]] : [],
      ),
    );
    const { classes, layout, samples } = await openDataset(await tree('01', one));
    expect([classes, layout, samples.length]).toEqual([['01'], 'BTAD', 2]);
  });

  it('any folder of good and other sub-folders, with masks if there are any', async () => {
    const files = {
      'good/1.png': await png(),
      'scratch/1.png': await png(),
      'dent/7.png': await png(),
      'notes/readme.txt': '',
    };
    const plain = await openDataset(await tree('gear', files));
    expect([plain.layout, plain.name, plain.classes]).toEqual(['folder of good', 'gear', ['gear']]);
    expect(plain.samples.map(({ defect, anomaly, mask }) => [defect, anomaly, mask])).toEqual([
      ['dent', true, undefined],
      ['good', false, undefined],
      ['scratch', true, undefined],
    ]);
    const masked = {
      'ground_truth/dent/7_mask.png': await maskPng(),
      'ground_truth/scratch/1.png': await maskPng(),
    };
    const withMasks = await openDataset(await tree('gear', { ...files, ...masked }));
    expect(withMasks.samples.map(({ mask }) => mask !== undefined)).toEqual([true, false, true]);
    const several = {
      'gear/good/1.png': await png(),
      'gear/dent/1.png': await png(),
      'nut/good/1.png': await png(),
    };
    expect((await openDataset(await tree('parts', several))).classes).toEqual(['gear', 'nut']);
  });

  it('prefers meta.json', async () => {
    const entry = { img_path: 'good/1.png', mask_path: '', cls_name: 'x', specie_name: 'y', anomaly: 0 };
    const meta = JSON.stringify({ test: { x: [entry] } });
    const { layout, classes } = await openDataset(
      await tree('both', { 'good/1.png': await png(), 'bad/1.png': await png(), 'meta.json': meta }),
    );
    expect([layout, classes]).toEqual(['meta.json', ['x']]);
  });

  it('knows no data set by another name', async () => {
    const { files } = copies.find(({ layout }) => layout === 'MVTec AD')!;
    const renamed = Object.fromEntries(
      Object.entries(files).map(([file, bytes]) => [file.replace('bottle', 'flask'), bytes]),
    );
    expect((await openDataset(await tree('mine', renamed))).name).toBe('mine');
  });
});

describe('label files that are wrong', () => {
  const changed = (name: string, file: string, from: string | RegExp, to: string): Files => {
    const { files } = copies.find((copy) => copy.layout === name)!;
    return { ...files, [file]: String(files[file]).replace(from, to) };
  };
  it.each<[name: string, file: string, from: string | RegExp, to: string, field: string, found: string]>([
    ['VisA', 'split_csv/1cls.csv', 'mask\n', 'masks\n', 'header', 'object,split,label,image,masks'],
    ['VisA', 'split_csv/1cls.csv', 'candle,test,normal', 'candle,val,normal', 'line 3, split', '"val"'],
    ['VisA', 'split_csv/1cls.csv', 'candle,test,anomaly', 'candle,test,bad', 'line 4, label', '"bad"'],
    [
      'VisA',
      'split_csv/1cls.csv',
      /candle\/Data\/Images\/Normal\/0001/,
      '../0001',
      'line 3, image',
      '"../0001.JPG"',
    ],
    ['VisA', 'split_csv/1cls.csv', 'candle,train', '"candle,train', 'line 5', 'Quote'],
    ['ELPV', 'labels.csv', ' 0.0 ', ' 2.0 ', 'line 2', '"2.0"'],
    ['ELPV', 'labels.csv', 'images/cell0002', '../cell0002', 'line 2', '"../cell0002.png"'],
    ['HeadCT', 'labels.csv', '100,0', '100,no', 'line 3, hemorrhage', '"no"'],
    ['HeadCT', 'labels.csv', '100,0', 'a/b,0', 'line 3, id', '"a/b"'],
    ['DAGM', 'Class1/Test/Label/Labels.txt', '1\t0\t0001', '1\tx\t0001', 'entry 1, label', '"x"'],
  ])('%s: %s, %s becomes %s', async (name, file, from, to, field, found) => {
    const root = await tree(name, changed(name, file, from, to));
    const error = await datasetError(openDataset(root));
    expect([error.file, error.field]).toEqual([path.join(root, file), field]);
    expect(error.found).toContain(found);
  });
});
