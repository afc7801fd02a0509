import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chooseRidge, fitLogistic, predict } from '../bench/quality/logistic.ts';
import { defectiveShares } from '../bench/quality/probe.ts';
import { benchQuality, type QualityGiven } from '../bench/quality/quality.ts';
import { chanceRow, findRealSets } from '../bench/quality/real.ts';
import { rowOf, verdicts } from '../bench/quality/summary.ts';
import { createRandom } from '../src/base/random.ts';
import { run } from '../src/cli/program.ts';
import { openDataset } from '../src/data/dataset.node.ts';
import { generate } from '../src/data/synth/generate.node.ts';
import type { Evaluation } from '../src/eval/index.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { clipConfig } from '../src/model/clip/config.ts';
import { randomClipWeights } from '../src/model/clip/random.ts';
import { wordListMetadata } from '../src/model/clip/tokenizer/tokenizer.ts';
import { testGpu } from './gpu.ts';

describe('logistic regression', () => {
  const random = createRandom(2);
  const width = 3;
  const features = Float32Array.from(
    { length: 200 * width },
    (_, i) => random.normal() * (1 + (i % width)) + 4,
  );
  const row = (n: number) => features.subarray(n * width, (n + 1) * width);
  const truth = { weights: Float64Array.of(1, -0.5, 0), bias: -1.5 };
  const targets = Float32Array.from({ length: 200 }, (_, n) =>
    Number(random.next() < predict(truth, row(n))),
  );
  const examples = { width, features, targets };

  test('without a ridge, the gradient of the cross entropy is zero', () => {
    const model = fitLogistic(examples, 0);
    const gradient = [0, 0, 0, 0];
    for (let n = 0; n < 200; n += 1) {
      const error = predict(model, row(n)) - targets[n]!;
      [...row(n), 1].forEach((x, i) => {
        gradient[i]! += error * x;
      });
    }
    for (const value of gradient) expect(Math.abs(value)).toBeLessThan(1e-6);
    expect(model.weights[0]).toBeGreaterThan(0.5);
    expect(model.weights[1]).toBeLessThan(-0.2);
  });

  test('a ridge shrinks the weights, and leaves the mean right', () => {
    const [free, bound] = [fitLogistic(examples, 0), fitLogistic(examples, 1e4)];
    expect(Math.hypot(...bound.weights)).toBeLessThan(0.05 * Math.hypot(...free.weights));
    const mean = targets.reduce((a, b) => a + b, 0) / 200;
    expect(predict(bound, [4, 4, 4])).toBeCloseTo(mean, 1);
  });

  test('labels without structure choose the largest ridge, clear ones a small one', () => {
    const folds = Array.from(targets, (_, n) => n % 4);
    const noise = { ...examples, targets: Float32Array.from(targets, () => Number(random.next() < 0.5)) };
    expect(chooseRidge(noise, folds, [0.1, 1e4])).toBe(1e4);
    expect(chooseRidge(examples, folds, [0.1, 1e4])).toBe(0.1);
  });
});

test('the share of a patch that is defective', () => {
  const mask = new Uint8Array(16);
  mask.set([1, 1, 1], 0); // the first row of 4 x 4
  mask[15] = 1;
  expect([...defectiveShares(mask, 4, 2)]).toEqual([0.5, 0.25, 0, 0.25]);
  expect([...defectiveShares(null, 4, 2)]).toEqual([0, 0, 0, 0]);
});

test('verdicts: targets, and differences seed by seed', () => {
  const row = (name: string, values: number[]) =>
    rowOf(
      name,
      name,
      values.map((value, seed) => {
        const metrics = { imageAuroc: value, imageAp: value, pixelAuroc: value, pro: null };
        return { seed, row: { metrics: metrics as unknown as Evaluation['mean']['metrics'] } };
      }),
    );
  const lines = verdicts(row('FAPrompt', [0.91, 0.93]), [row('CLIP', [0.81, 0.85])]);
  expect(lines).toEqual([
    'image AUROC >= 90.0: reached (92.0 ± 1.4)',
    'pixel AUROC >= 92.0: reached (92.0 ± 1.4)',
    'PRO >= 75.0: not reached (-)',
    'FAPrompt minus CLIP: image AUROC 9.0 ± 1.4, image AP 9.0 ± 1.4, pixel AUROC 9.0 ± 1.4, PRO -',
  ]);
});

describe('npm run bench -- quality', () => {
  const words = ['.', 'object', 'damaged', 'flawless', 'a', 'photo', 'of', 'with', 'flaw'];
  const config = clipConfig({
    visionWidth: 64,
    visionLayers: 1,
    patch: 8,
    grid: 4,
    textWidth: 64,
    textLayers: 1,
    contextLength: 24,
    vocabSize: words.length + 2,
    embedDim: 16,
  });
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-quality-'));
    const bytes = writeSafetensors(randomClipWeights(config, 1), wordListMetadata(words));
    await writeFile(path.join(dir, 'clip.safetensors'), bytes);
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  const bench = async (more: Partial<QualityGiven> = {}) => {
    let out = '';
    const notes: string[] = [];
    await benchQuality(
      {
        out: (text) => {
          out += text;
        },
        note: (text) => notes.push(text),
        terminal: false,
        openGpu: async () => ({ ...(await testGpu()), close() {} }),
        onInterrupt: () => () => {},
      },
      {
        clip: path.join(dir, 'clip.safetensors'),
        seeds: 1,
        imageSize: 32,
        epochs: 1,
        batch: 4,
        methods: ['pair', 'prompt-ensemble', 'anomalyclip', 'faprompt'],
        trainImages: 1,
        testImages: 2,
        out: path.join(dir, 'out'),
        real: [],
        ablations: false,
        json: path.join(dir, 'result.json'),
        ...more,
      },
    );
    return { out, notes, json: JSON.parse(await readFile(path.join(dir, 'result.json'), 'utf8')) };
  };

  test('trains, evaluates, probes; what is there is not done again', async () => {
    const first = await bench();
    expect(first.out).toMatch(/FAPrompt minus AnomalyCLIP: image AUROC -?\d/);
    expect(first.json.heldOut.map((row: { name: string }) => row.name)).toEqual([
      ...['pair', 'prompt-ensemble', 'anomalyclip', 'faprompt', 'probe-transfer', 'probe-capacity'],
    ]);
    for (const { summary } of first.json.heldOut)
      for (const metric of ['imageAuroc', 'imageAp', 'pixelAuroc', 'pro']) {
        expect(summary[metric].mean).toBeGreaterThan(0);
        expect(summary[metric].mean).toBeLessThanOrEqual(1);
      }
    expect(first.notes.filter((note) => note.startsWith('run '))).toHaveLength(4);
    const again = await bench();
    expect(again.notes.filter((note) => note.startsWith('run '))).toHaveLength(0);
    expect(again.json.heldOut).toEqual(first.json.heldOut);
  });

  test('--real: sets in folders, at several sizes, beside other CLIPs, a probe and chance', async () => {
    const real = path.join(dir, 'real');
    await generate(path.join(real, 'a'), {
      seed: 1,
      imageSize: 32,
      classes: ['weave'],
      good: 6,
      defective: 3,
    });
    await generate(path.join(real, 'b'), {
      seed: 2,
      imageSize: 32,
      classes: ['marble', 'foam'],
      good: 3,
      defective: 2,
    });
    // Folders of images that a layout takes for classes do not make one data set of those beside them.
    const loose = path.join(real, 'loose', 'test', 'good');
    await mkdir(loose, { recursive: true });
    await cp(path.join(real, 'a', 'weave', 'test', 'good', '000.png'), path.join(loose, '000.png'));
    await mkdir(path.join(real, 'nothing'));
    expect((await findRealSets([real])).map(({ name }) => name)).toEqual(['a', 'b']);
    expect(await findRealSets([path.join(real, 'b')])).toEqual([{ name: 'b', data: path.join(real, 'b') }]);
    await expect(findRealSets([path.join(real, 'nothing')])).rejects.toThrow('nothing');
    await expect(findRealSets([real, path.join(real, 'b')])).rejects.toThrow('b twice');
    const chance = chanceRow(await openDataset(path.join(real, 'a'))).values[0]!.metrics;
    expect(chance).toEqual({ imageAuroc: 0.5, imageAp: 1 / 3, pixelAuroc: 0.5, pro: 0.15 });

    const other = path.join(dir, 'other.safetensors');
    await writeFile(other, writeSafetensors(randomClipWeights(config, 2), wordListMetadata(words)));
    const methods = ['pair', 'faprompt'];
    const seeds = { seeds: 2, realSeeds: 2 };
    const found = await bench({ real: [real], realSizes: [32, 40], ...seeds, beside: [other], methods });
    const tables = found.json.real as {
      set: string;
      part?: string;
      size: number;
      rows: { title: string; summary: Evaluation }[];
    }[];
    // Of a set with several classes each has a table of its own, too.
    expect(tables.map(({ set, part, size }) => `${set} ${part} ${size}`)).toEqual(
      [32, 40].flatMap((size) =>
        ['a undefined', 'b undefined', 'b marble', 'b foam'].map((part) => `${part} ${size}`),
      ),
    );
    const pixels = (part: string | undefined) =>
      tables
        .find(({ set, part: own }) => set === 'b' && own === part)!
        .rows.map(({ summary }) => (summary as unknown as { pixelAuroc: { mean: number } }).pixelAuroc.mean);
    const [mean, foam, marble] = [undefined, 'foam', 'marble'].map(pixels) as [number[], number[], number[]];
    for (const [i, value] of mean.entries()) expect(value).toBeCloseTo((foam[i]! + marble[i]!) / 2, 9);
    expect(foam).not.toEqual(marble);
    expect(found.out).toContain('Real photographs, b: foam, 40 pixels, 2 seeds');
    for (const { rows } of tables) {
      expect(rows.map(({ title }) => title)).toEqual([
        expect.stringMatching(/written/),
        'FAPrompt',
        expect.stringMatching(/written.*, other$/),
        'FAPrompt, other',
        'linear probe on its labels, cross-validated',
        'chance',
      ]);
      for (const { summary } of rows)
        expect(summary).toMatchObject({
          imageAuroc: { mean: expect.any(Number) },
          pro: { mean: expect.any(Number) },
        });
    }
    expect(found.out).toContain('Real photographs, b, 40 pixels, 2 seeds');

    // Without FAPrompt there is nothing to hold against others.
    const plain = await bench({ real: [path.join(real, 'b')], methods: ['pair'] });
    expect(plain.out).not.toMatch(/FAPrompt minus|class by class/);
    expect(plain.out).toContain('Real photographs, b, 32 pixels, one seed');
    expect(plain.json.real[1].rows[0].summary.imageAuroc.mean).toBeGreaterThan(0);
  });

  test('the same scores come from faprompt eval --method', async () => {
    const [folder] = (await bench()).notes.flatMap((note) => /^results: (.*)/.exec(note)?.[1] ?? []);
    let out = '';
    const code = await run(
      [
        ...['eval', '--method', 'pair', '--clip', path.join(dir, 'clip.safetensors'), '--image-size', '32'],
        ...['--data', path.join(folder!, 'data', '0', 'heldout'), '--json', '-', '--no-cache'],
      ],
      {
        out: (text) => {
          out += text;
        },
        note() {},
        terminal: false,
        openGpu: async () => ({ ...(await testGpu()), close() {} }),
        onInterrupt: () => () => {},
      },
    );
    expect(code).toBe(0);
    const { json } = await bench();
    const { mean } = JSON.parse(out) as Evaluation;
    expect(mean.metrics.pixelAuroc).toBeCloseTo(json.heldOut[0].summary.pixelAuroc.mean, 9);
  });
});
