// An image's features do not depend on its batch: to the bit, for everything that methods take from the encoder, and for
// every kernel of its products.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { openTuning } from '../src/gpu/tuning.ts';
import { createDeviceTensor, type DeviceView, readSlice } from '../src/graph/device-tensor.ts';
import { layoutNames } from '../src/kernels/matmul/units.ts';
import { variantNames } from '../src/kernels/matmul/variants.ts';
import { f32 } from '../src/kernels/tensor.ts';
import { clipConfig } from '../src/model/clip/config.ts';
import {
  createImageEncoder,
  type Features,
  type HostFeatures,
  partsOf,
} from '../src/model/clip/image-encoder.ts';
import { clipNeeds, fapromptNeeds, featureShapes, type ImageNeeds } from '../src/model/clip/needs.ts';
import { createPreprocessor } from '../src/model/clip/preprocess.ts';
import { createStaging } from '../src/model/clip/staging.ts';
import { smallClipWords } from '../src/model/clip/tokenizer/words.ts';
import type { Clip } from '../src/model/clip/weights.ts';
import { namedMethods } from '../src/model/methods/named.ts';
import { loadRandomClip } from './clip-files.ts';
import { testGpu } from './gpu.ts';

const gpu = await testGpu();
const config = clipConfig({
  visionWidth: 64,
  visionLayers: 3,
  patch: 8,
  grid: 3,
  textWidth: 64,
  textLayers: 1,
  contextLength: 16,
  vocabSize: smallClipWords.length + 2,
  embedDim: 32,
});
const size = 40;
let clip: Clip;
beforeAll(async () => {
  clip = await loadRandomClip(gpu, config);
});
afterAll(() => clip.dispose());

/** Images of very different brightness, so that what is taken from a neighbour would show. */
const images = Array.from({ length: 11 }, (_, seed) => {
  const random = createRandom(seed + 1);
  return Float32Array.from({ length: 3 * size * size }, () => random.normal() * 4 ** (seed - 5));
});

const encoded = async (needs: ImageNeeds, batch: number, on: Gpu = gpu): Promise<HostFeatures[]> => {
  const encoder = await createImageEncoder({ gpu: on, clip, size, needs }, { batch, ready: 0 });
  try {
    return await encoder.encode(images);
  } finally {
    encoder.dispose();
  }
};

test('a number of images is cut into a whole batch, or different powers of two', () => {
  expect(partsOf(8, 8)).toEqual([8]);
  expect(partsOf(6, 6)).toEqual([6]);
  expect(partsOf(7, 8)).toEqual([4, 2, 1]);
  expect(partsOf(5, 6)).toEqual([4, 1]);
  expect(partsOf(1, 8)).toEqual([1]);
  for (let count = 1; count < 40; count += 1) {
    const parts = partsOf(count, 64);
    expect(parts.reduce((a, b) => a + b)).toBe(count);
    expect(new Set(parts).size).toBe(parts.length);
  }
});

describe('features in batches of 3 and 8 are those of each image alone, to the bit', () => {
  const kinds: [string, ImageNeeds][] = [
    ['both streams', fapromptNeeds(2)],
    ['CLIP', clipNeeds],
    ['taps', { ...fapromptNeeds(2), taps: [1, 3], vvTaps: [3], aliasedTaps: true, patches: 'raw' }],
    ['windows', { ...clipNeeds, windows: [2, 3], positions: 'bicubic-antialias' }],
    ['views', { ...clipNeeds, views: 'anovl', patches: 'none' }],
  ];
  test.each(kinds)('%s', async (_, needs) => {
    const alone = await encoded(needs, 1);
    for (const [name, shape] of featureShapes(needs, config, size))
      expect(alone[4]![name]!.length, name).toBe(shape.reduce((a, b) => a * b, 1));
    expect(alone[0]).not.toEqual(alone[1]);
    for (const batch of [3, 8]) expect(await encoded(needs, batch)).toEqual(alone);
  });

  test('every method that has a name takes what these are', () => {
    for (const [name, method] of namedMethods) {
      const needs = method.needs({ ...config, visionLayers: 24 });
      const known = ['dualLayers', 'taps', 'vvTaps', 'windows', 'views', 'patches', 'image', 'classNorm'];
      expect(
        Object.keys(needs).filter((key) => !known.includes(key)),
        name,
      ).toEqual(expect.arrayContaining(['aliasedTaps', 'positions', 'filter']));
    }
  });

  test.each(variantNames(gpu.capabilities))('products by %s', async (matmul) => {
    const forced: Gpu = { ...gpu, variants: { matmul } };
    const needs = { ...fapromptNeeds(2), taps: [2] };
    const alone = await encoded(needs, 1, forced);
    expect(await encoded(needs, 8, forced)).toEqual(alone);
    // Which are in turn those of other kernels, but for the last bits.
    const others = await encoded(needs, 1);
    const wide = (layoutNames as readonly string[]).includes(matmul) ? 1e-4 : 1e-5;
    alone.forEach((features, i) => {
      features.image!.forEach((x, j) => {
        expect(Math.abs(x - others[i]!.image![j]!)).toBeLessThan(wide);
      });
    });
  });
});

test('what was measured for one image is what a batch gets: nothing is measured again', async () => {
  const measured: string[] = [];
  const store = { read: async () => undefined, write: async () => {} };
  const tuning = (await openTuning(
    { store, software: true, onMeasure: (what) => measured.push(what) },
    'test',
  ))!;
  const tuned: Gpu = { ...gpu, tuning };
  const needs = { ...fapromptNeeds(2), windows: [3] };
  const pictures = images.slice(0, 4).map((_, seed) => {
    const random = createRandom(seed);
    return Float32Array.from({ length: 3 * 72 * 72 }, () => random.normal());
  });
  const run = async (batch: number) => {
    const encoder = await createImageEncoder({ gpu: tuned, clip, size: 72, needs }, { batch, ready: 0 });
    const found = await encoder.encode(pictures);
    encoder.dispose();
    return found;
  };
  const alone = await run(1);
  expect(measured.length).toBeGreaterThan(0);
  const before = [...measured];
  expect(await run(4)).toEqual(alone);
  expect(measured).toEqual(before);
});

describe('images that wait on the device', () => {
  const photographs = [
    [31, 57],
    [64, 40],
    [40, 40],
    [90, 13],
    [41, 40],
  ].map(([width, height], seed) => {
    const random = createRandom(seed + 20);
    const data = Uint8Array.from({ length: 3 * width! * height! }, () => random.int(256));
    return { width: width!, height: height!, data };
  });
  const onHost = async (features: Features): Promise<HostFeatures> =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(features).map(async ([name, value]) => {
          expect(value).toHaveProperty('offset');
          const view = value as DeviceView;
          return [name, (await readSlice(gpu, view, view)) as Float32Array] as const;
        }),
      ),
    );

  test('have the features of a photograph alone, on the device and read', async () => {
    const needs = { ...fapromptNeeds(2), taps: [3] };
    const encoder = await createImageEncoder({ gpu, clip, size, needs }, { batch: 4, ready: 0 });
    const staging = createStaging({ gpu, clip, size, needs }, 5);
    expect(encoder.compiled).toEqual([]);
    const alone = [];
    for (const each of photographs) alone.push(await encoder.readPixels(each));
    const slices = [];
    for (const [i, each] of photographs.entries()) slices.push(await staging.put(each, i));
    expect(await encoder.encodeStaged(slices.slice(0, 3), true)).toEqual(alone.slice(0, 3));
    const four = await encoder.encodeStaged(slices, false); // as many as one call has room for
    expect(four.length).toBe(4);
    expect(await Promise.all(four.map(onHost))).toEqual(alone.slice(0, 4));
    const three = await encoder.encodeStaged(slices.slice(2), false); // two graphs: both keep theirs
    expect(await Promise.all(three.map(onHost))).toEqual(alone.slice(2));
    // A place is taken again.
    const again = [await staging.put(photographs[1]!, 0), slices[4]!];
    expect(await encoder.encodeStaged(again, true)).toEqual([alone[1], alone[4]]);
    encoder.dispose();
    const held = gpu.memory.allocated;
    staging.dispose();
    expect(held - gpu.memory.allocated).toBeGreaterThanOrEqual(5 * 4 * 3 * size * size);
  });

  test('into a place and out of it are the bits of the preprocessor', async () => {
    const preprocessor = createPreprocessor(gpu, size, 'bicubic');
    const place = createDeviceTensor(gpu, 'place', f32(2, 3, size, size));
    const bytes = 4 * 3 * size * size;
    await preprocessor.runInto(photographs[0]!, { buffer: place.buffer, offset: bytes });
    const { buffer } = await preprocessor.run(photographs[0]!);
    const spec = f32(3, size, size);
    expect(await readSlice(gpu, { buffer: place.buffer, offset: bytes }, spec)).toEqual(
      await readSlice(gpu, { buffer, offset: 0 }, spec),
    );
    preprocessor.dispose();
    gpu.memory.free(place.buffer);
  });
});

test('where the adapter has no room for a batch, it becomes smaller, or is an error where it was asked for', async () => {
  const needs = fapromptNeeds(2);
  const alone = await encoded(needs, 1);
  const { memory } = gpu;
  let most = Number.POSITIVE_INFINITY;
  const narrow: Gpu = {
    ...gpu,
    memory: {
      ...memory,
      get allocated() {
        return memory.allocated;
      },
      allocate(bytes, label, usage) {
        return memory.allocate(bytes > most ? 2 ** 60 : bytes, label, usage);
      },
    },
  };
  most = 4 * 26 * 256 * 4; // the hidden rows of four images
  const yields = await createImageEncoder(
    { gpu: narrow, clip, size, needs },
    { batch: 8, ready: 0, yielding: true },
  );
  expect(await yields.encode(images)).toEqual(alone);
  yields.dispose();
  const strict = await createImageEncoder({ gpu: narrow, clip, size, needs }, { batch: 8, ready: 0 });
  await expect(strict.encode(images)).rejects.toThrow(/one buffer|budget/);
  strict.dispose();
});
