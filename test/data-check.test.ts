// Each kind of damage that `data check` reports, and its command line.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../src/cli/program.ts';
import { checkDataset } from '../src/data/check.node.ts';
import { type CheckReport, type Finding, formatReport } from '../src/data/check.ts';
import { openDataset } from '../src/data/dataset.node.ts';
import { losesImage } from '../src/data/dataset.ts';
import { encodePng } from '../src/data/image.node.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';
import { bmp, type Files, height, maskPng, tinyCopies, width, writeTree } from './data-layouts.ts';

const copies = await tinyCopies();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'faprompt-check-'));
});
afterAll(() => rm(folder, { recursive: true }));

let trees = 0;
async function tree(files: Files): Promise<string> {
  const root = path.join(folder, `${trees++}`);
  await writeTree(root, files);
  return root;
}

/** A tiny copy with files added, replaced, or (null) taken away. */
async function damaged(layout: string, changes: Record<string, Uint8Array | string | null>): Promise<string> {
  const files: Files = { ...copies.find((copy) => copy.layout === layout)!.files };
  for (const [file, content] of Object.entries(changes)) {
    expect(content !== null || file in files).toBe(true);
    if (content === null) delete files[file];
    else files[file] = content;
  }
  return tree(files);
}

const greyPng = (w: number, h: number, value: number): Promise<Uint8Array> =>
  encodePng({ width: w, height: h, data: new Uint8Array(w * h).fill(value) });

/** Kind and file of each finding. */
const briefly = ({ findings }: CheckReport): string[] => findings.map(({ kind, file }) => `${kind}: ${file}`);

describe('each kind of damage', () => {
  const mask = 'bottle/ground_truth/broken_large/000_mask.png';
  const image = 'bottle/test/broken_large/000.png';

  it('a mask that is missing', async () => {
    // Without its only mask a class is one that labels images only, which is said and is no damage.
    const { findings, notes } = await checkDataset(await damaged('MVTec AD', { [mask]: null }));
    expect([findings, notes]).toEqual([[], ['bottle: no masks, only its images are labelled']]);
    const root = await damaged('MVTec AD', {
      [mask]: null,
      'bottle/test/cut/000.png': await greyPng(width, height, 3),
      'bottle/ground_truth/cut/000_mask.png': await maskPng(),
    });
    expect(briefly(await checkDataset(root))).toEqual([`missing: ${mask}`]);
  });

  it('an image that is missing: where a file names it, and where only its mask is left', async () => {
    const named: [layout: string, file: string][] = [
      ['VisA', 'candle/Data/Images/Anomaly/001.JPG'],
      ['DAGM', 'Class1/Test/0001.PNG'],
      ['ELPV', 'images/cell0002.png'],
      ['HeadCT', 'head_ct/head_ct/100.png'],
    ];
    for (const [layout, file] of named) {
      expect(briefly(await checkDataset(await damaged(layout, { [file]: null })))).toEqual([
        `missing: ${file}`,
      ]);
    }
    expect(briefly(await checkDataset(await damaged('MVTec AD', { [image]: null })))).toEqual([
      `unused mask: ${mask}`,
      'one label: .',
    ]);
    const kolektor = await damaged('KolektorSDD', { 'kos01/Part5.jpg': null });
    expect(briefly(await checkDataset(kolektor))).toEqual([
      'unused mask: kos01/Part5_label.bmp',
      'one label: .',
    ]);
    const dagm = await damaged('DAGM', { 'Class10/Test/0003.PNG': null });
    expect(briefly(await checkDataset(dagm))).toEqual([
      'unused mask: Class10/Test/Label/0003_label.PNG',
      'one label: .',
    ]);
  });

  it('masks that are missing where a file names the defective images, or every image has one', async () => {
    const cases: [layout: string, file: string][] = [
      ['VisA', 'candle/Data/Masks/Anomaly/001.png'],
      ['DAGM', 'Class1/Test/Label/0002_label.PNG'],
      ['KolektorSDD', 'kos01/Part0_label.bmp'],
      ['AITEX', 'Mask_images/0001_002_00_mask.png'],
    ];
    for (const [layout, file] of cases) {
      const root = await damaged(layout, { [file]: null });
      const left = layout === 'KolektorSDD' ? ['one label: .'] : [];
      expect(briefly(await checkDataset(root))).toEqual([`missing: ${file}`, ...left]);
      // Opening leaves the image out, and says so.
      const lost = (await openDataset(root)).problems.filter(losesImage);
      expect(lost.map((problem) => path.relative(root, problem.file))).toEqual([path.normalize(file)]);
    }
  });

  it('images and masks that cannot be read', async () => {
    const bytes = copies.find((copy) => copy.layout === 'MVTec AD')!.files[image] as Uint8Array;
    const report = await checkDataset(
      await damaged('MVTec AD', {
        [image]: bytes.subarray(0, 60),
        'metal_nut/ground_truth/broken_large/000_mask.png': 'not an image',
        'metal_nut/test/good/000.png': '',
      }),
    );
    expect(briefly(report)).toEqual([
      `unreadable: ${image}`,
      'unreadable: metal_nut/ground_truth/broken_large/000_mask.png',
      'unreadable: metal_nut/test/good/000.png',
    ]);
    expect(report.findings[2]!.found).toBe('an empty file');
    const kolektor = await damaged('KolektorSDD', { 'kos01/Part0_label.bmp': 'BM?' });
    expect(briefly(await checkDataset(kolektor))).toEqual([
      'unreadable: kos01/Part0_label.bmp',
      'one label: .',
    ]);
  });

  it('a mask of another size, also of two', async () => {
    const one = await checkDataset(await damaged('MVTec AD', { [mask]: await greyPng(height, width, 255) }));
    expect(one.findings).toEqual([
      {
        kind: 'size mismatch',
        file: mask,
        expected: 'a mask of 6 x 4 as its image',
        found: '4 x 6',
      },
    ] satisfies Finding[]);
    const second = 'Mask_images/0044_019_04_mask2.png';
    const two = await checkDataset(await damaged('AITEX', { [second]: await greyPng(2, 2, 255) }));
    expect(briefly(two)).toEqual([`size mismatch: ${second}`]);
  });

  it('an empty mask on an anomaly', async () => {
    const report = await checkDataset(await damaged('MVTec AD', { [mask]: await greyPng(width, height, 0) }));
    expect(report.findings).toEqual([
      {
        kind: 'empty mask',
        file: mask,
        expected: `an anomalous pixel, as ${image} is broken_large`,
        found: 'none',
      },
    ]);
    // KolektorSDD's empty masks say that there is no defect.
    const black = bmp(new Uint8Array(width * height));
    const kolektor = await checkDataset(await damaged('KolektorSDD', { 'kos01/Part5_label.bmp': black }));
    expect([briefly(kolektor), kolektor.classes[0]!.normal]).toEqual([['one label: .'], 2]);
  });

  it('duplicates by content, with what makes them worse', async () => {
    const same = await greyPng(width, height, 40);
    const report = await checkDataset(
      await damaged('MVTec AD', {
        'bottle/test/good/001.png': same,
        'bottle/test/good/002.png': same,
        'bottle/train/good/001.png': same,
        [image]: same,
      }),
    );
    const original = 'the content of bottle/test/broken_large/000.png';
    expect(report.findings.map(({ kind, file, found }) => [kind, file, found])).toEqual([
      ['duplicate', 'bottle/test/good/001.png', `${original}, with another label`],
      ['duplicate', 'bottle/test/good/002.png', `${original}, with another label`],
      ['duplicate', 'bottle/train/good/001.png', `${original}, with another label, in the split test`],
    ]);
  });
});

describe('faprompt data check', () => {
  async function cli(...argv: string[]) {
    const out: string[] = [];
    const notes: string[] = [];
    const code = await run(argv, {
      out: (text) => out.push(text),
      note: (text) => notes.push(text),
      terminal: false,
      openGpu: () => Promise.reject(new Error('no GPU is needed')),
      onInterrupt: () => () => undefined,
    });
    return { code, out: out.join('\n'), notes: notes.join('\n') };
  }

  it('ends with 0 and the counts if nothing is wrong', async () => {
    const { code, out } = await cli('data', 'check', await damaged('MVTec AD', {}));
    expect(code).toBe(0);
    expect(out).toContain('MVTec AD, read as MVTec AD');
    expect(out).toContain('bottle, test: 2 images, 1 normal, 1 anomalous, 1 masks (broken_large 1, good 1)');
    expect(out).toContain('bottle, train: 1 images, 1 normal, 0 anomalous, 0 masks (good 1)');
    expect(out.split('\n').at(-1)).toBe('nothing is wrong');
  });

  it('ends with 1 and the findings as JSON', async () => {
    const root = await damaged('TN3K', { 'test-mask/0000.jpg': 'damaged' });
    const { code, out } = await cli('data', 'check', root, '--json');
    const report = JSON.parse(out) as CheckReport;
    expect([code, report.root, report.name, report.layout]).toEqual([1, root, 'TN3K', 'TN3K']);
    expect(briefly(report)).toEqual(['unreadable: test-mask/0000.jpg']);
    expect(report.classes[0]).toMatchObject({
      className: 'thyroid',
      anomalous: 1,
      masks: 1,
      defects: { nodule: 1 },
    });
  });

  it('ends with 1 for a folder in no known layout', async () => {
    const root = await tree({});
    await writeFile(path.join(root, 'a.txt'), '');
    const { code, out, notes } = await cli('data', 'check', root);
    expect([code, out]).toEqual([1, '']);
    expect(notes).toContain('expected meta.json or a known layout, found neither');
    expect(notes).toContain('found no image file among 1 files, e.g. a.txt');
  });

  it('prints so many findings of a kind, and counts the others', () => {
    const findings = ['a', 'b', 'c'].map((file) => ({
      kind: 'missing' as const,
      file,
      expected: 'x',
      found: 'y',
    }));
    const text = formatReport(
      { root: '/r', name: 'n', layout: 'l', classes: [], notes: ['left out'], findings },
      2,
    );
    expect(text.split('\n')).toEqual([
      '/r: n, read as l',
      '  note: left out',
      'missing: 3',
      '  a: expected x, found y',
      '  b: expected x, found y',
      '  and 1 more',
      '3 findings',
    ]);
  });
});

describe('real data', () => {
  it.skipIf(!hasShared('data/magnetic_tile'))('the four empty masks of magnetic_tile', async () => {
    const { classes, findings } = await checkDataset(sharedPath('data/magnetic_tile'));
    expect(classes).toMatchObject([{ images: 792, normal: 400, anomalous: 392, masks: 392 }]);
    const empty = findings.filter(({ kind }) => kind === 'empty mask');
    expect(empty).toHaveLength(4);
    for (const { file } of empty) expect(file).toMatch(/ground_truth\/uneven\/.*_mask\.png$/);
    expect(findings.filter(({ kind }) => kind !== 'empty mask' && kind !== 'duplicate')).toEqual([]);
  });
});
