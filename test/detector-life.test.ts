// What the library holds on to, in Node: runs that are closed, maps of the right step, encoders, listeners, memory.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import type { Detector as Loaded, RgbPixels, TrainOptions } from '../src/detector/api.ts';
import { nodeEnvironment } from '../src/detector/environment.node.ts';
import { Detector } from '../src/detector/index.node.ts';
import { openLocal } from '../src/detector/local.ts';
import { portable } from '../src/detector/portable.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { openClip } from '../src/model/checkpoint/open.node.ts';
import { createImageEncoder } from '../src/model/clip/image-encoder.ts';
import { fapromptNeeds } from '../src/model/clip/needs.ts';
import { type Clip, loadClip } from '../src/model/clip/weights.ts';
import { initialLearnables, learnableShapes } from '../src/model/faprompt/learnables.ts';
import { presets } from '../src/model/faprompt/options.ts';
import { createScorer } from '../src/model/faprompt/scorer.ts';
import { createTrainingState } from '../src/train/step.ts';
import { testGpu } from './gpu.ts';
import { makeFixtures } from './train-fixtures.ts';

const gpu = await testGpu();
let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
beforeAll(async () => {
  fixtures = await makeFixtures();
});
afterAll(() => fixtures.remove());

const random = createRandom(7);
const pixels = (side = 32): RgbPixels => ({
  width: side,
  height: side,
  data: Uint8Array.from({ length: 3 * side * side }, () => random.int(256)),
});
const mask = { width: 32, height: 32, data: new Uint8Array(32 * 32).fill(1, 0, 200) };
const options = { prompts: 2, patches: 4 };
const samples = [
  { image: pixels(), mask },
  { image: pixels() },
  { image: pixels(), mask },
  { image: pixels() },
];
const run = (detector: Loaded, more: Partial<TrainOptions> = {}) =>
  detector.train({ samples, batch: 2, epochs: 2, seed: 1, options, ...more });

describe('a training run', () => {
  test('is of the method that is named; one that does not learn, or a preset beside it, is refused', async () => {
    const detector = await Detector.load({ clip: fixtures.clip });
    const own = { options: undefined, epochs: 1 };
    const { prompts } = await run(detector, { ...own, method: 'cap' }).result;
    await detector.setPrompts(prompts);
    expect((await detector.detect(pixels())).score).toBeGreaterThan(0);
    await expect(run(detector, { ...own, method: 'clip' }).result).rejects.toThrow(
      /method: expected one of april-gan, .*found clip/,
    );
    await expect(run(detector, { ...own, method: 'cap', preset: 'paper' }).result).rejects.toThrow(
      /preset: expected nothing beside `method`/,
    );
    detector.close();
  });

  test('that is paused ends when its detector is closed, and so does what waits for it', async () => {
    const detector = await Detector.load({ clip: fixtures.clip });
    let reached = () => {};
    const stepped = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const training = run(detector, {
      onStep() {
        training.pause();
        reached();
      },
    });
    await stepped;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const next = run(detector); // waits for its turn, or works: it ends too
    detector.close();
    await expect(training.result).rejects.toMatchObject({ kind: 'closed' });
    await expect(next.result).rejects.toMatchObject({ kind: 'closed' });
    await expect(run(detector).result).rejects.toMatchObject({ kind: 'closed' });
  });

  test('shows the map of the step that it names, not of the one after', async () => {
    const detector = await Detector.load({ clip: fixtures.clip });
    const maps = new Map<number, Float32Array>();
    const watch = { sample: 0, every: 1 };
    await run(detector, { watch, onMap: ({ step, map }) => maps.set(step, map.data) }).result;
    expect([...maps.keys()]).toEqual([0, 1, 2, 3, 4]);
    for (const last of [1, 3]) {
      const training = run(detector, {
        watch,
        onStep({ step }) {
          if (step === last) training.stop();
        },
      });
      const { steps, prompts } = await training.result;
      expect(steps).toBe(last);
      await detector.setPrompts(prompts);
      const { map } = await detector.detect(samples[0]!.image);
      expect(map.data).toEqual(maps.get(last));
    }
    detector.close();
  });
});

test('prompts at other sizes, and trainings at other sizes, do not pile up encoders', async () => {
  const detector = await Detector.load({ clip: fixtures.clip });
  const { prompts } = await run(detector).result;
  const held: number[] = [];
  for (const size of [32, 48, 64, 48, 64, 32, 64, 32]) {
    await run(detector, { size, epochs: 1 }).result;
    await detector.setPrompts(prompts, { size });
    await detector.detect(pixels());
    if (size === 32) held.push(detector.info.memory);
  }
  expect(held[1]).toBe(held[0]);
  expect(held[2]).toBe(held[0]);
  detector.close();
});

test('a detection that fails leaves no listener behind', async () => {
  let watching = 0;
  let seen: Gpu | undefined;
  const environment: typeof nodeEnvironment = {
    ...nodeEnvironment,
    async decodeImage(given, image) {
      if (given !== seen) {
        const { watch } = given.pipelines;
        Object.assign(given.pipelines, {
          watch(...args: Parameters<typeof watch>) {
            const stop = watch(...args);
            watching += 1;
            return () => {
              watching -= 1;
              stop();
            };
          },
        });
        seen = given;
      }
      return nodeEnvironment.decodeImage(given, image);
    },
  };
  const detector = await openLocal(environment, { clip: fixtures.clip });
  const training = detector.train({
    samples: await Promise.all(
      samples.map(async ({ image, mask }, i) => ({
        name: `${i}`,
        image: await portable(image),
        ...(mask ? { mask: await portable(mask) } : {}),
      })),
    ),
    epochs: 1,
    options,
  });
  await detector.setPrompts((await training.result).prompts, {});
  for (let i = 0; i < 3; i += 1)
    await expect(detector.detect({ name: 'broken', file: Uint8Array.of(1, 2, 3) }, {})).rejects.toThrow();
  await detector.detect(await portable(pixels()), {});
  expect(watching).toBe(0);
  detector.close();
});

describe('what does not fit is freed again', () => {
  let opened: Awaited<ReturnType<typeof openClip>>;
  let clip: Clip;
  beforeAll(async () => {
    opened = await openClip(fixtures.clip);
    clip = await loadClip(gpu, opened.file);
  });
  afterAll(async () => {
    clip.dispose();
    await opened.close();
  });
  const faprompt = { ...presets.topm, ...options };

  test.each<[what: string, create: (small: Gpu) => Promise<{ dispose(): void }>, allocations?: number]>([
    [
      'a scorer',
      (small: Gpu) => {
        const shapes = learnableShapes(faprompt, clip.config);
        return createScorer(
          { gpu: small, clip, size: 32 },
          faprompt,
          initialLearnables(shapes, createRandom(1)),
        );
      },
    ],
    [
      'an image encoder',
      (small: Gpu) => createImageEncoder({ gpu: small, clip, size: 32, needs: fapromptNeeds(1) }),
    ],
    [
      'a training state',
      async (small: Gpu) =>
        createTrainingState(small, learnableShapes(faprompt, clip.config), { parameters: new Map() }),
      // Learnables this small share one buffer (createPackedTensors), as do their first and their second moments.
      3,
    ],
  ])('%s, whichever of its allocations fails', async (_, create, allocations) => {
    const before = gpu.memory.allocated;
    let failures = 0;
    for (let allowed = 0; ; allowed += 1) {
      let left = allowed;
      const memory = Object.create(gpu.memory, {
        allocate: {
          value(...args: Parameters<Gpu['memory']['allocate']>) {
            if (left === 0) throw new Error('no room');
            left -= 1;
            return gpu.memory.allocate(...args);
          },
        },
      });
      const made = await create({ ...gpu, memory }).catch((error: Error) => {
        expect(error.message).toContain('no room');
      });
      if (made) {
        made.dispose();
        break;
      }
      failures += 1;
      expect(gpu.memory.allocated, `after ${allowed} allocations`).toBe(before);
    }
    if (allocations === undefined) expect(failures).toBeGreaterThan(5);
    else expect(failures).toBe(allocations);
    expect(gpu.memory.allocated).toBe(before);
  });
});

test('options that cannot be are named, whatever a caller without types passes', async () => {
  const bad = (message: RegExp) => ({ kind: 'bad-option', message: expect.stringMatching(message) });
  const load = Detector.load({ clip: fixtures.clip, memoryBudget: Number.NaN });
  await expect(load).rejects.toMatchObject(bad(/memoryBudget: expected bytes above 0, found NaN/));
  const detector = await Detector.load({ clip: fixtures.clip });
  for (const [more, message] of [
    [{ preset: 'best' as never }, /preset: expected one of topm, official, paper.*found best/],
    [
      { options: { ...options, patches: 17 } },
      /patches: expected at most the 16 of an image of 32 pixels, found 17/,
    ],
    [{ samples: undefined as never }, /samples: expected a list of images/],
  ] as const)
    await expect(run(detector, more).result).rejects.toMatchObject(bad(message));
  for (const prompts of [null as never, 'nowhere.safetensors', { file: 'nowhere.safetensors' }])
    await expect(detector.setPrompts(prompts)).rejects.toMatchObject({ kind: 'bad-prompts' });
  detector.close();
});

describe('what is no image, or no pixels', () => {
  const data = new Uint8Array(12);
  test.each<[unknown, RegExp]>([
    [undefined, /found Undefined/],
    [null, /found Null/],
    [42, /found Number/],
    [{}, /found Object/],
    [
      { width: 2, height: 2, data: new Float32Array(12).fill(Number.NaN) },
      /found Float32Array of 12 for 2 x 2/,
    ],
    [{ width: 2, height: 2, data: [...data] }, /found Array of 12 for 2 x 2/],
    [{ width: 2, height: 3, data }, /found Uint8Array of 12 for 2 x 3/],
    [{ width: -2, height: -2, data }, /for -2 x -2/],
    [{ width: 1.5, height: 2, data: new Uint8Array(9) }, /for 1\.5 x 2/],
    [{ width: Number.NaN, height: 2, data }, /for NaN x 2/],
    [{ width: 0, height: 0, data: new Uint8Array(0) }, /for 0 x 0/],
  ])('%j', async (image, found) => {
    const wrong = portable(image as RgbPixels, 'photo');
    await expect(wrong).rejects.toMatchObject({
      kind: 'bad-image',
      file: 'photo',
      message: expect.stringMatching(found),
    });
  });

  test('texts: two different ones at least', async () => {
    const detector = await Detector.load({ clip: fixtures.clip });
    for (const texts of [[], ['object'], ['object', 'object'], 'object damaged', ['object', 7]])
      await expect(detector.classify(pixels(), texts as string[])).rejects.toMatchObject({
        kind: 'bad-option',
      });
    detector.close();
    detector.close(); // twice is once
    await expect(detector.classify(pixels(), ['object', 'damaged'])).rejects.toMatchObject({
      kind: 'closed',
    });
  });
});
