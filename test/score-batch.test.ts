// An image's score and map do not depend on what it is scored with: to the bit, by every method, for every kernel of its
// products; and how images that are ready at about the same time come together.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import { encodePng } from '../src/data/image.node.ts';
import { drawSample } from '../src/data/synth/stream.ts';
import { float32Tensor, readSafetensors, writeSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { GpuError } from '../src/gpu/errors.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { createDeviceTensor } from '../src/graph/device-tensor.ts';
import { detectWith } from '../src/jobs/detection.ts';
import { createScoring } from '../src/jobs/scoring.ts';
import { variantNames } from '../src/kernels/matmul/variants.ts';
import { exactBytes, f32 } from '../src/kernels/tensor.ts';
import { blipTensorShapes } from '../src/model/blip/config.ts';
import { createWordPiece } from '../src/model/blip/wordpiece.ts';
import { clipConfig } from '../src/model/clip/config.ts';
import type { Features, HostFeatures } from '../src/model/clip/image-encoder.ts';
import { featureShapes } from '../src/model/clip/needs.ts';
import { randomClipTensor } from '../src/model/clip/random.ts';
import { smallClipWords } from '../src/model/clip/tokenizer/words.ts';
import { type Clip, loadClip } from '../src/model/clip/weights.ts';
import { ScoreError } from '../src/model/faprompt/verdict.ts';
import type { Method } from '../src/model/methods/method.ts';
import { namedMethods } from '../src/model/methods/named.ts';
import type { Detection, Scorer } from '../src/model/scorer.ts';
import { createFeatureSource } from '../src/train/features/features.node.ts';
import { tinyBlip, vocabulary } from './blip-fixtures.ts';
import { loadRandomClip } from './clip-files.ts';
import { testGpu } from './gpu.ts';

const gpu = await testGpu();
const config = clipConfig({
  visionWidth: 64,
  visionLayers: 4,
  patch: 8,
  grid: 3,
  textWidth: 64,
  textLayers: 2,
  contextLength: 24,
  vocabSize: smallClipWords.length + 2,
  embedDim: 32,
});
const size = 40;
let clip: Clip;
let blip: Clip;
beforeAll(async () => {
  clip = await loadRandomClip(gpu, config);
  const tensors = [...blipTensorShapes(tinyBlip)].map(
    ([name, shape]) => [name, float32Tensor(shape, randomClipTensor(name, shape, 3))] as const,
  );
  blip = await loadClip(gpu, await readSafetensors(bytesSource('blip', writeSafetensors(new Map(tensors)))));
});
afterAll(() => {
  clip.dispose();
  blip.dispose();
});
const clipOf = ({ family }: Method): Clip => (family === 'blip' ? blip : clip);

/** Features of images that have nothing in common, of which none is like a mean. */
function drawFeatures(method: Method, count: number): HostFeatures[] {
  const { config } = clipOf(method);
  const shapes = featureShapes(method.needs(config), config, size);
  return Array.from({ length: count }, (_, i) => {
    const random = createRandom(i + 1);
    const unit = (values: Float32Array, width: number) => {
      for (let at = 0; at < values.length; at += width) {
        const row = values.subarray(at, at + width);
        const norm = Math.hypot(...row);
        row.set(row.map((x) => x / norm));
      }
      return values;
    };
    return Object.fromEntries(
      [...shapes].map(([name, shape]) => {
        const length = shape.reduce((a, b) => a * b, 1);
        return [
          name,
          unit(
            Float32Array.from({ length }, () => random.normal()),
            shape.at(-1)!,
          ),
        ];
      }),
    );
  });
}

async function openScorer(method: Method, on: Gpu = gpu): Promise<Scorer> {
  const clip = clipOf(method);
  const learned = await method.learning?.initial(clip, 3);
  const needs = method.needs(clip.config);
  const words = vocabulary.join('\n');
  const tokenizer = clip === blip ? async () => createWordPiece(words, 'vocab.txt') : undefined;
  return method.scorer({ gpu: on, clip, size, needs, className: 'metal_nut', learned, tokenizer });
}

const named = (features: readonly Features[]) =>
  features.map((each, i) => ({ features: each, image: `${i}` }));

async function scoredAlone(scorer: Scorer, features: readonly Features[]): Promise<Detection[]> {
  const found: Detection[] = [];
  for (const { features: each, image } of named(features)) found.push(await scorer.score(each, image));
  return found;
}

/** Methods that adapt to each image by steps or texts of its own. */
const oneByOne = ['anovl', 'filo'];

describe('scores and maps of 3 and 8 images together are those of each alone, to the bit', () => {
  test.each([...namedMethods].filter(([name]) => !/-(5|15|20)$/.test(name)))('%s', async (name, method) => {
    const scorer = await openScorer(method);
    try {
      expect(scorer.scoreTogether === undefined).toBe(oneByOne.includes(method.family));
      if (!scorer.scoreTogether) return;
      const features = drawFeatures(method, 8);
      const alone = await scoredAlone(scorer, features);
      expect(alone[0]!.map, name).not.toEqual(alone[1]!.map);
      for (const count of [3, 8])
        expect(await scorer.scoreTogether(named(features.slice(0, count)))).toEqual(alone.slice(0, count));
    } finally {
      scorer.dispose();
    }
  });

  const kinds = ['faprompt', 'winclip'];
  test.each(variantNames(gpu.capabilities))('products by %s', async (matmul) => {
    const forced: Gpu = { ...gpu, variants: { matmul } };
    for (const name of kinds) {
      const method = namedMethods.get(name)!;
      const scorer = await openScorer(method, forced);
      const features = drawFeatures(method, 8);
      expect(await scorer.scoreTogether!(named(features)), name).toEqual(await scoredAlone(scorer, features));
      scorer.dispose();
    }
  });
});

test('features on the device, in a place of their own each, or in one that they share', async () => {
  const method = namedMethods.get('faprompt')!;
  const scorer = await openScorer(method);
  const host = drawFeatures(method, 4);
  const shapes = featureShapes(method.needs(config), config, size);
  const held = host.length * [...shapes.values()].reduce((sum, s) => sum + exactBytes(f32(...s)), 0);
  expect(held).toBeGreaterThan(0);
  const shared = [...shapes].map(([name, shape]) => {
    const all = Float32Array.from(host.flatMap((features) => [...features[name]!]));
    return [name, shape, createDeviceTensor(gpu, name, f32(host.length, ...shape), all)] as const;
  });
  const views = host.map(
    (_, i): Features =>
      Object.fromEntries(
        shared.map(([name, shape, { buffer }]) => {
          const spec = f32(1, ...shape);
          return [name, { ...spec, buffer, offset: i * exactBytes(spec) }];
        }),
      ),
  );
  const mixed = [views[0]!, host[1]!, views[2]!, views[3]!];
  expect(await scorer.scoreTogether!(named(mixed))).toEqual(await scoredAlone(scorer, host));
  scorer.dispose();
  for (const [, , { buffer }] of shared) gpu.memory.free(buffer);
});

test('of images together, the one whose score means nothing is named, the others are scored', async () => {
  const method = namedMethods.get('faprompt')!;
  const scorer = await openScorer(method);
  const features = drawFeatures(method, 3);
  const alone = await scoredAlone(scorer, features);
  features[1]!.image!.fill(Number.NaN);
  const found = await scorer.scoreTogether!(named(features));
  scorer.dispose();
  expect([found[0], found[2]]).toEqual([alone[0], alone[2]]);
  expect(found[1]).toBeInstanceOf(ScoreError);
  expect((found[1] as ScoreError).file).toBe('1');
});

test('all that a scorer holds is free when it goes', async () => {
  const before = gpu.memory.allocated;
  const method = namedMethods.get('faprompt')!;
  const scorer = await openScorer(method);
  await scorer.scoreTogether!(named(drawFeatures(method, 2)));
  const { dispatches } = scorer.executable;
  expect(dispatches).toBeGreaterThan(0);
  scorer.dispose();
  await new Promise(setImmediate);
  expect(gpu.memory.allocated).toBe(before);
});

test('photographs that are encoded together are scored together, and what is left one by one', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-score-batch-'));
  const files: string[] = [];
  for (let index = 0; index < 9; index += 1) {
    const { image } = drawSample({ role: 'prompt', seed: 1, index, imageSize: 32 + 8 * index });
    files.push(path.join(folder, `${index}.png`));
    await writeFile(files.at(-1)!, await encodePng(image));
  }
  const method = namedMethods.get('faprompt')!;
  const needs = method.needs(config);
  const scorer = await openScorer(method);
  const detect = async (imageBatch: number, togetherGains: boolean) => {
    const runs: number[] = [];
    const watched: Scorer = {
      ...scorer,
      togetherGains,
      score: (...args) => {
        runs.push(1);
        return scorer.score(...args);
      },
      scoreTogether: (images) => {
        runs.push(images.length);
        return scorer.scoreTogether!(images);
      },
    };
    const features = createFeatureSource(gpu, clip, {
      clip: 'x',
      imageSize: size,
      needs,
      precision: 'f32',
      imageBatch,
    });
    const found: unknown[] = [];
    for await (const each of detectWith(watched, features).detect(files, (file) => file)) found.push(each);
    features.dispose();
    return { found, runs: runs.sort((a, b) => b - a) };
  };
  const one = await detect(1, true);
  expect(one.runs).toEqual(files.map(() => 1));
  expect(new Set(one.found.map((each) => (each as Detection).score)).size).toBe(files.length);
  expect(await detect(4, true)).toEqual({ found: one.found, runs: [4, 4, 1] });
  expect(await detect(4, false)).toEqual(one);
  scorer.dispose();
  await rm(folder, { recursive: true });
});

describe('images that are ready at about the same time', () => {
  const found = (image: string): Detection => ({ score: Number(image) / 100, map: Float32Array.of(0) });
  /** What is run, image by image; ends run by run. */
  function fakeScorer(together?: Scorer['scoreTogether']) {
    const runs: string[] = [];
    const ends: (() => void)[] = [];
    const run = async (images: readonly string[]) => {
      runs.push(images.join(' '));
      await new Promise<void>((resolve) => ends.push(resolve));
    };
    const scorer = {
      atOnce: 2,
      togetherGains: true,
      async score(_: Features, image: string) {
        await run([image]);
        return found(image);
      },
      scoreTogether:
        together ??
        (async (images) => {
          await run(images.map(({ image }) => image));
          return images.map(({ image }) =>
            image === '3' ? new ScoreError(image, 'a finite score', 'NaN') : found(image),
          );
        }),
    } as Partial<Scorer> as Scorer;
    const settle = async () => {
      for (let i = 0; i < 3; i += 1) await new Promise(setImmediate);
    };
    const finish = async () => {
      for (; ends.length > 0; await settle()) ends.shift()!();
    };
    return { scorer, runs, settle, finish };
  }

  test('go together in whole batches, the others one by one, two runs at a time', async () => {
    const { scorer, runs, settle, finish } = fakeScorer();
    const scoring = createScoring(scorer, 4);
    const all = Array.from({ length: 11 }, (_, i) => scoring({}, `${i}`));
    for (const each of all) each.catch(() => {});
    await settle();
    expect(runs).toEqual(['0 1 2 3', '4 5 6 7']);
    await finish();
    expect(runs.slice(2)).toEqual(['8', '9', '10']);
    const results = await Promise.allSettled(all);
    results.forEach((each, i) => {
      if (i === 3) expect(each).toMatchObject({ status: 'rejected', reason: { file: '3' } });
      else expect(each).toEqual({ status: 'fulfilled', value: found(`${i}`) });
    });
  });

  test('that come while others are scored wait until there is room, and go together then', async () => {
    const { scorer, runs, settle, finish } = fakeScorer();
    const scoring = createScoring(scorer, 3);
    const all = [scoring({}, '10')];
    await settle();
    all.push(scoring({}, '11'));
    await settle();
    for (const image of ['12', '13', '14']) {
      all.push(scoring({}, image));
      await settle();
    }
    expect(runs).toEqual(['10', '11']);
    await finish();
    expect(runs).toEqual(['10', '11', '12 13 14']);
    expect(await Promise.all(all)).toEqual(['10', '11', '12', '13', '14'].map(found));
  });

  test('go one by one where the adapter has no room for more; other errors are everybody’s', async () => {
    const tries: number[] = [];
    const { scorer, runs, settle, finish } = fakeScorer(async (images) => {
      tries.push(images.length);
      throw new GpuError('out-of-memory', 'no room');
    });
    const scoring = createScoring(scorer, 2);
    const all = ['1', '2', '4', '5'].map((image) => scoring({}, image));
    await settle();
    await finish();
    expect(await Promise.all(all)).toEqual(['1', '2', '4', '5'].map(found));
    expect(runs.sort()).toEqual(['1', '2', '4', '5']);
    const later = ['6', '7'].map((image) => scoring({}, image));
    await settle();
    await finish();
    await Promise.all(later);
    expect(tries.length).toBeLessThanOrEqual(2); // those that were under way; nobody tries again

    const lost = fakeScorer(async () => {
      throw new GpuError('device-lost', 'gone');
    });
    const failing = createScoring(lost.scorer, 2);
    const results = await Promise.allSettled(['1', '2'].map((image) => failing({}, image)));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('of a method that goes image by image', async () => {
    const { scorer, runs, settle, finish } = fakeScorer();
    const { scoreTogether: _, ...own } = scorer;
    const scoring = createScoring(own, 8);
    const all = ['1', '2', '4'].map((image) => scoring({}, image));
    await settle();
    expect(runs).toEqual(['1', '2']);
    await finish();
    expect(await Promise.all(all)).toEqual(['1', '2', '4'].map(found));
  });
});
