// Every method by name: what it needs, that it learns, that it scores.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import { clipConfig } from '../src/model/clip/config.ts';
import { createImageEncoder, type HostFeatures } from '../src/model/clip/image-encoder.ts';
import { clipNeeds, featureShapes, needsKey } from '../src/model/clip/needs.ts';
import { cubicMatrix } from '../src/model/clip/positions.ts';
import { smallClipWords } from '../src/model/clip/tokenizer/words.ts';
import { augment } from '../src/model/clip/views.ts';
import type { Clip } from '../src/model/clip/weights.ts';
import { windowIndex } from '../src/model/clip/windows.ts';
import { alignedMatrix } from '../src/model/methods/align-corners.ts';
import { tapBlocks } from '../src/model/methods/april-gan/april-gan.ts';
import type { Method } from '../src/model/methods/method.ts';
import { namedMethods } from '../src/model/methods/named.ts';
import { sgdOptimizer } from '../src/model/methods/optimizer.ts';
import { withOptions } from '../src/model/methods/parse.ts';
import type { TrainSettings } from '../src/train/settings.ts';
import { train } from '../src/train/trainer.ts';
import { loadRandomClip } from './clip-files.ts';
import { testGpu } from './gpu.ts';

const gpu = await testGpu();
const config = clipConfig({
  visionWidth: 64,
  visionLayers: 2,
  patch: 8,
  grid: 3,
  textWidth: 64,
  textLayers: 2,
  contextLength: 32,
  vocabSize: smallClipWords.length + 2,
  embedDim: 32,
});
/** Not the trained grid: the position table is resized. */
const size = 32;
let clip: Clip;
beforeAll(async () => {
  clip = await loadRandomClip(gpu, config);
});
afterAll(() => clip.dispose());

const fail = (option: string, expected: string, found: string): never => {
  throw new Error(`${option}: expected ${expected}, found ${found}`);
};
const method = (name: string): Method => {
  const found = namedMethods.get(name)!;
  // Fewer of everything that costs time.
  const smaller: Record<string, Record<string, unknown>> = {
    faprompt: { prompts: 2, patches: 4 },
    'anomalyclip-ensemble': { models: 2 },
    coop: found.options.initial === 'phrase' ? {} : { context: 3 },
    'april-gan': { templates: ['a photo of a {}.'] },
    clip: { templates: ['a photo of a {}.'], temperature: 0.5 }, // cosines of random weights differ a lot
    winclip: { templates: ['a photo of a {}.'] },
    anovl: { objectWords: ['photo'], textureWords: ['photo'] },
  };
  return withOptions(found, smaller[found.family] ?? {}, fail);
};

const image = (seed: number): Float32Array => {
  const random = createRandom(seed);
  return Float32Array.from({ length: 3 * size * size }, () => random.normal());
};

async function featuresOf(of: Method, images: readonly Float32Array[]): Promise<HostFeatures[]> {
  const needs = of.needs(config);
  const encoder = await createImageEncoder({ gpu, clip, size, needs });
  const found: HostFeatures[] = [];
  for (const each of images) found.push(...(await encoder.encode([each])));
  encoder.dispose();
  for (const features of found)
    for (const [name, shape] of featureShapes(needs, config, size))
      expect(features[name]?.length, name).toBe(shape.reduce((a, b) => a * b, 1));
  return found;
}

const untrained = ['clip', 'clip-ac', 'winclip', 'anovl', 'pair', 'prompt-ensemble'];
const trained = ['april-gan', 'coop', 'cocoop-original', 'cocoop', 'anomalyclip', 'anomalyclip-ensemble'];

describe('methods', () => {
  test.each(untrained)('%s scores by the class that it is told', async (name) => {
    const of = method(name);
    const [features] = await featuresOf(of, [image(1)]);
    const needs = of.needs(config);
    const detect = async (className: string) => {
      const scorer = await of.scorer({ gpu, clip, size, needs, className });
      const first = await scorer.score(features!, 'image');
      const again = await scorer.score(features!, 'image');
      scorer.dispose();
      expect(again).toEqual(first);
      expect(first.score).toBeGreaterThan(0);
      expect(first.score).toBeLessThan(1);
      expect(first.map.length).toBe(size * size);
      expect(first.map.every((x) => x >= 0 && x <= 1)).toBe(true);
      return first;
    };
    const [nut, carpet] = [await detect('metal_nut'), await detect('carpet')];
    expect(of.namesClass).toBe(!['pair', 'prompt-ensemble'].includes(name));
    if (of.namesClass) expect(nut.score).not.toBe(carpet.score);
    else expect(nut.score).toBe(carpet.score);
  });

  test.each(trained)('%s: a training lowers its loss, and its learnables score', async (name) => {
    const of = method(name);
    const { learning } = of;
    const images = [1, 2, 3, 4].map(image);
    const features = await featuresOf(of, images);
    const settings: TrainSettings = {
      method: of,
      imageSize: size,
      dualLayers: of.needs(config).dualLayers,
      epochs: 6,
      batch: 4,
      learningRate: name.startsWith('coop') || name === 'cocoop-original' ? 0.02 : 1e-3,
      seed: 1,
      precision: 'f32',
      clip: 'x',
      data: 'x',
    };
    const classes = ['metal_nut', 'carpet'];
    const source = {
      count: 4,
      classes,
      load: async (i: number) => ({
        features: features[i]!,
        className: classes[i % 2]!,
        anomalous: i < 2,
        ...(i < 2
          ? { mask: Uint8Array.from({ length: size * size }, (_, at) => Number(at % size < 9)) }
          : {}),
      }),
    };
    const losses: number[] = [];
    const result = await train(
      { gpu, clip },
      { source, settings },
      { epoch: ({ loss }) => losses.push(loss) },
    );
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    expect([...result.parameters.keys()]).toEqual([...learning!.shapes(config).keys()]);
    const needs = of.needs(config);
    const setup = { gpu, clip, size, needs, className: 'carpet' };
    const scorer = await of.scorer({ ...setup, learned: result.parameters });
    const { score, map } = await scorer.score(features[0]!, 'image');
    scorer.dispose();
    expect(score >= 0 && score <= 1 && map.every((x) => x >= 0 && x <= 1)).toBe(true);
    const short = new Map([...result.parameters].slice(1));
    await expect(of.scorer({ ...setup, learned: short })).rejects.toThrow(/tensor .*: expected shape/);
  });

  test('with other needs have other keys in the feature cache, with the same needs the same', () => {
    const key = (name: string) => needsKey(namedMethods.get(name)!.needs(config));
    const kinds = ['clip', 'winclip', 'april-gan', 'anovl', 'faprompt'];
    expect(new Set(kinds.map(key)).size).toBe(kinds.length);
    expect(key('clip-ac')).toBe(key('clip'));
    expect(key('coop')).toBe(key('clip'));
    for (const name of ['anomalyclip', 'cocoop', 'anomalyclip-ensemble', 'pair', 'best-matched'])
      expect(key(name)).toBe(key('faprompt'));
    for (const change of [
      { dualLayers: 1 },
      { classNorm: false },
      { patches: 'raw' },
      { taps: [1] },
      { windows: [2] },
      { views: 'anovl' },
      { positions: 'bicubic' },
      { filter: 'bilinear' },
    ] as const)
      expect(needsKey({ ...clipNeeds, ...change })).not.toBe(needsKey(clipNeeds));
  });

  test('an option that a method does not have, or of another kind, is refused by name', () => {
    expect(() => withOptions(namedMethods.get('coop')!, { contexts: 3 }, fail)).toThrow(
      /contexts: expected only context, .*, found an unknown option/,
    );
    expect(() => withOptions(namedMethods.get('winclip')!, { windows: [0] }, fail)).toThrow(
      /windows: expected a list/,
    );
    expect(() => withOptions(namedMethods.get('april-gan')!, { taps: 1.5 }, fail)).toThrow(
      /taps: expected an integer/,
    );
    expect(() => withOptions(namedMethods.get('anomalyclip')!, { sigma: -1 }, fail)).toThrow(
      /sigma: expected a number/,
    );
  });
});

describe('their parts', () => {
  test('windows: corners and members in row-major order', () => {
    expect(windowIndex(3, 2)).toEqual([
      [0, 1, 3, 4],
      [1, 2, 4, 5],
      [3, 4, 6, 7],
      [4, 5, 7, 8],
    ]);
  });

  test('a window of the whole grid is the image: the same class feature', async () => {
    const grid = size / config.patch;
    const encoder = await createImageEncoder({ gpu, clip, size, needs: { ...clipNeeds, windows: [grid] } });
    const [found] = await encoder.encode([image(5)]);
    encoder.dispose();
    found![`window${grid}`]!.forEach((x, i) => {
      expect(x).toBeCloseTo(found!.image![i]!, 5);
    });
  });

  test('taps: depths evenly spaced, the last at the end, each once', () => {
    expect(tapBlocks({ taps: 4 }, { ...config, visionLayers: 24 })).toEqual([6, 12, 18, 24]);
    expect(tapBlocks({ taps: 3 }, { ...config, visionLayers: 3 })).toEqual([1, 2, 3]);
    expect(tapBlocks({ taps: 4 }, { ...config, visionLayers: 2 })).toEqual([1, 2]);
  });

  test.each(['bicubic', 'bicubic-antialias'] as const)('%s weights add up to 1', (how) => {
    for (const [from, to] of [
      [3, 4],
      [24, 37],
      [16, 7],
    ] as const) {
      const matrix = cubicMatrix(from, to, how);
      for (let o = 0; o < to; o++)
        expect(matrix.slice(o * from, (o + 1) * from).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    }
    // A quarter of the way between two samples, a = -0.5 and a = -0.75.
    const second = cubicMatrix(4, 8, how).slice(3 * 4, 4 * 4);
    const t = 0.25;
    const a = how === 'bicubic' ? -0.75 : -0.5;
    expect(second[1]).toBeCloseTo((a + 2) * t ** 3 - (a + 3) * t ** 2 + 1, 6);
  });

  test('align_corners: corners stay, the middle is between', () => {
    expect([...alignedMatrix(2, 3)]).toEqual([1, 0, 0.5, 0.5, 0, 1]);
    expect([...alignedMatrix(1, 2)]).toEqual([1, 1]);
  });

  test("AnoVL's views: 22, turned by 90 degrees four times back again", () => {
    const one = Float32Array.from({ length: 3 * 9 }, (_, i) => i);
    const views = augment(one, 3);
    expect(views).toHaveLength(22);
    expect([...views[19]!.slice(0, 9)]).toEqual([2, 5, 8, 1, 4, 7, 0, 3, 6]); // counter-clockwise
    expect([...augment(views[19]!, 3)[21]!]).toEqual([...one]);
    expect([...views[20]!]).toEqual([...augment(views[19]!, 3)[19]!]);
    expect([...views[17]!.slice(0, 3)]).toEqual([2, 1, 0]);
    // The last rotation is by 45 degrees: the middle stays.
    for (const view of views.slice(1, 9)) expect(view[4]).toBeCloseTo(4, 5);
    const constant = augment(new Float32Array(3 * 16).fill(0.5), 4);
    for (const view of constant) for (const x of view) expect(x).toBeCloseTo(0.5, 6);
  });

  test("Dassl's schedule: a constant epoch, then a cosine from the full rate that does not reach 0", () => {
    const rate = (epoch: number) =>
      sgdOptimizer().schedule({ learningRate: 0.002, step: 1, epoch, epochs: 10 })[0]!;
    expect(rate(0)).toBeCloseTo(1e-5, 9);
    expect(rate(1)).toBeCloseTo(0.002, 8);
    expect(rate(6)).toBeCloseTo(0.001, 8);
    expect(rate(9)).toBeGreaterThan(1e-5);
  });
});
