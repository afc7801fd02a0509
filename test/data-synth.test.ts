import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSample, openDataset } from '../src/data/dataset.node.ts';
import { DatasetError } from '../src/data/errors.ts';
import { drawImage } from '../src/data/synth/draw.ts';
import { type FamilyName, families, familyNames } from '../src/data/synth/families/index.ts';
import { generate } from '../src/data/synth/generate.node.ts';
import { planDataset } from '../src/data/synth/generate.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'faprompt-synth-'));
});
afterAll(() => rm(folder, { recursive: true }));

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
/** Images without a defect, which those with one are compared with: each is drawn once for all defects. */
const clean = new Map<string, Uint8Array>();
function cleanImage(family: FamilyName, seed: number, size: number): Uint8Array {
  const key = `${family} ${seed} ${size}`;
  const known = clean.get(key) ?? drawImage(family, null, { seed, size }).image.data;
  clean.set(key, known);
  return known;
}
const pairs = familyNames.flatMap((name) => families[name].defects.map((defect) => [name, defect] as const));

describe('drawImage', () => {
  it.each(familyNames)('%s: the same seed gives the same bytes, another seed others', (name) => {
    const draw = (seed: number): string => hash(drawImage(name, null, { seed, size: 64 }).image.data);
    expect(draw(1)).toBe(draw(1));
    expect(new Set([1, 2, 3, 4].map(draw)).size).toBe(4);
  });

  it.each(familyNames)('%s: neither flat nor burnt out, at any size', (name) => {
    for (const size of [16, 33, 96]) {
      const { image, mask } = drawImage(name, null, { seed: 5, size });
      expect([image.width, image.height, image.data.length]).toEqual([size, size, 3 * size * size]);
      expect(mask.data).toEqual(new Uint8Array(size * size));
      const n = image.data.length;
      const mean = image.data.reduce((a, b) => a + b, 0) / n;
      const deviation = Math.sqrt(image.data.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
      expect(mean).toBeGreaterThan(30);
      expect(mean).toBeLessThan(235);
      expect(deviation).toBeGreaterThan(8);
      expect(image.data.filter((v) => v === 0 || v === 255).length / n).toBeLessThan(0.25);
    }
  });

  it.each(pairs)('%s, %s: exactly the pixels of the mask change, and visibly', (name, defect) => {
    let shown = 0;
    for (const size of [64, 96]) {
      for (let seed = 0; seed < 6; seed++) {
        const clean = cleanImage(name, seed, size);
        const drawing = drawImage(name, defect, { seed, size });
        const { image, mask } = drawing;
        let outside = 0;
        let marked = 0;
        let invisible = 0;
        let contrast = 0;
        for (let i = 0; i < mask.data.length; i++) {
          let change = 0;
          for (let c = 0; c < 3; c++) {
            change = Math.max(change, Math.abs(clean[3 * i + c]! - image.data[3 * i + c]!));
          }
          if (mask.data[i] === 0) outside += change > 0 ? 1 : 0;
          else {
            marked += 1;
            invisible += change < 9 ? 1 : 0;
            contrast += change;
          }
        }
        expect(outside).toBe(0);
        expect(invisible).toBe(0);
        // Where nothing could be made visible the drawing says that it has no defect, and has none.
        expect(marked > 0).toBe(drawing.defect !== null);
        if (drawing.defect === null) continue;
        shown += 1;
        expect(marked).toBeGreaterThanOrEqual(0.0025 * mask.data.length);
        expect(marked).toBeLessThan(0.5 * mask.data.length);
        expect(contrast / marked).toBeGreaterThanOrEqual(18);
      }
    }
    expect(shown).toBeGreaterThanOrEqual(10); // of 12
  });

  it('has at least five surfaces and five defects', () => {
    expect(familyNames.length).toBeGreaterThanOrEqual(5);
    expect(new Set(pairs.map(([, defect]) => defect)).size).toBeGreaterThanOrEqual(5);
  });
});

describe('planDataset', () => {
  it('spreads defects evenly and numbers them', () => {
    const defects = ['crack', 'missing', 'stain'] as const;
    const items = planDataset({ seed: 1, classes: ['brick'], defects, train: 2, good: 1, defective: 5 });
    expect(items.slice(0, 3).map((item) => item.image)).toEqual([
      'brick/train/good/000.png',
      'brick/train/good/001.png',
      'brick/test/good/000.png',
    ]);
    const counts = defects.map((defect) => items.filter((item) => item.defect === defect).length);
    expect(counts.slice().sort()).toEqual([1, 2, 2]);
    for (const { defect, image, mask } of items)
      expect(mask).toBe(defect && image.replace('/test/', '/ground_truth/').replace('.png', '_mask.png'));
    expect(items.filter((item) => item.defect).map((item) => item.image)).toContain(
      'brick/test/crack/000.png',
    );
    expect(new Set(items.map((item) => item.seed)).size).toBe(items.length);
  });

  it('an image does not depend on what else is generated', () => {
    const seedOf = (options: Parameters<typeof planDataset>[0]): number | undefined =>
      planDataset(options).find((item) => item.image === 'wood/test/hole/001.png')?.seed;
    const seed = seedOf({ seed: 3, defective: 40 });
    expect(seed).toBeDefined();
    expect(seedOf({ seed: 3, classes: ['wood'], defects: ['hole'], good: 1, defective: 2 })).toBe(seed);
    expect(seedOf({ seed: 4, defective: 40 })).not.toBe(seed);
  });

  it('refuses options that make no sense, by name', () => {
    expect(() => planDataset({ seed: 1, classes: ['glass' as never] })).toThrow(/classes: .*found glass/);
    expect(() => planDataset({ seed: 1, classes: ['toString' as never] })).toThrow(RangeError);
    expect(() => planDataset({ seed: 1, good: -1 })).toThrow(/good/);
    expect(() => planDataset({ seed: 1, defective: 1.5 })).toThrow(/defective/);
    expect(() => planDataset({ seed: 1, imageSize: 8 })).toThrow(/imageSize/);
    expect(() => planDataset({ seed: 1, classes: ['weave'], defects: ['dent'] })).toThrow(/dent.*weave/);
    expect(() => planDataset({ seed: 1, good: 0, defective: 0 })).toThrow(/without images/);
  });
});

describe('generate', () => {
  const options = {
    seed: 11,
    imageSize: 32,
    classes: ['dots', 'metal'],
    train: 1,
    good: 2,
    defective: 3,
  } as const;

  async function hashes(root: string): Promise<Record<string, string>> {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const files = entries.filter((e) => e.isFile()).map((e) => path.join(e.parentPath, e.name));
    const pairs = files
      .sort()
      .map(async (file) => [path.relative(root, file), hash(await readFile(file))] as const);
    return Object.fromEntries(await Promise.all(pairs));
  }

  it('writes the same bytes for the same seed, others for another', async () => {
    const roots = ['first', 'second', 'third'].map((name) => path.join(folder, name));
    await generate(roots[0]!, options);
    await generate(roots[1]!, options);
    await generate(roots[2]!, { ...options, seed: 12 });
    const [first, second, third] = await Promise.all(roots.map(hashes));
    expect(second).toEqual(first);
    expect(Object.keys(first!)).toHaveLength(2 * (1 + 2 + 3 + 3) + 2);
    expect(Object.keys(third!)).toEqual(Object.keys(first!));
    const changed = Object.keys(first!).filter((file) => first![file] !== third![file]);
    expect(changed.filter((file) => file.includes('test'))).toHaveLength(2 * 5);
  });

  it('is read back by openDataset, by meta.json and by its layout', async () => {
    const root = path.join(folder, 'read');
    const steps: [number, number][] = [];
    const items = await generate(root, options, (done, total) => steps.push([done, total]));
    expect(steps.at(-1)).toEqual([12, 12]);
    const dataset = await openDataset(root);
    expect(dataset.problems).toEqual([]);
    expect(dataset.classes).toEqual(['dots', 'metal']);
    const planned = items.filter((item) => item.split === 'test');
    expect(dataset.samples).toHaveLength(planned.length);
    for (const [k, sample] of dataset.samples.entries()) {
      const { className, defect, seed } = planned[k]!;
      expect(sample).toMatchObject({ className, defect: defect ?? 'good', anomaly: defect !== null });
      const drawn = drawImage(className, defect, { seed, size: options.imageSize });
      const loaded = await loadSample(sample);
      expect(loaded.image).toEqual(drawn.image);
      expect(loaded.mask).toEqual(drawn.mask);
    }
    expect((await openDataset(root, { split: 'train' })).samples).toHaveLength(2);
    await rm(path.join(root, 'meta.json'));
    const layout = await openDataset(root);
    const byPath = (a: { image: string }, b: { image: string }): number => (a.image < b.image ? -1 : 1);
    expect(layout.samples.sort(byPath)).toEqual(dataset.samples.sort(byPath));
  });

  it('fills an empty folder, refuses one that is not, and leaves nothing of a failed run', async () => {
    const empty = path.join(folder, 'empty');
    await mkdir(empty);
    await generate(empty, { ...options, classes: ['metal'], train: 0, good: 1, defective: 0 });
    expect((await openDataset(empty)).samples).toHaveLength(1);
    await expect(generate(empty, options)).rejects.toBeInstanceOf(DatasetError);

    const file = path.join(folder, 'file');
    await writeFile(file, '');
    await expect(generate(file, options)).rejects.toBeInstanceOf(DatasetError);

    const stopped = path.join(folder, 'stopped');
    const stop = (): never => {
      throw new Error('stop');
    };
    await expect(generate(stopped, options, stop)).rejects.toThrow('stop');
    expect((await readdir(folder)).filter((name) => name.includes('stopped'))).toEqual([]);
  });
});
