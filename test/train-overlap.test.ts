import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDataset } from '../src/data/dataset.node.ts';
import { openClip } from '../src/model/checkpoint/open.node.ts';
import { fapromptNeeds } from '../src/model/clip/needs.ts';
import { type Clip, loadClip } from '../src/model/clip/weights.ts';
import { presets } from '../src/model/faprompt/options.ts';
import { faprompt } from '../src/model/methods/faprompt/faprompt.ts';
import { createFeatureSource } from '../src/train/features/features.node.ts';
import { datasetImages } from '../src/train/images.node.ts';
import { createTrainingSource } from '../src/train/images.ts';
import type { TrainSettings } from '../src/train/settings.ts';
import { train } from '../src/train/trainer.ts';
import { testGpu } from './gpu.ts';
import { makeFixtures } from './train-fixtures.ts';

const gpu = await testGpu();
let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let opened: Awaited<ReturnType<typeof openClip>>;
let clip: Clip;
beforeAll(async () => {
  fixtures = await makeFixtures();
  opened = await openClip(fixtures.clip);
  clip = await loadClip(gpu, opened.file);
});
afterAll(async () => {
  clip.dispose();
  await opened.close();
  await fixtures.remove();
});

/** Trains two epochs of three steps; at every moment, how many steps were queued whose losses were not known. */
async function trace(saveEvery: number, stopAt = Number.POSITIVE_INFINITY) {
  const settings: TrainSettings = {
    method: faprompt('faprompt', 'FAPrompt', { ...presets.topm, prompts: 2, patches: 4 }),
    imageSize: 32,
    dualLayers: 1,
    batch: 3,
    epochs: 2,
    seed: 3,
    learningRate: 1e-3,
    precision: 'f32',
    clip: 'x',
    data: 'x',
  };
  const features = createFeatureSource(gpu, clip, { ...settings, needs: fapromptNeeds(1), cache: undefined });
  const images = datasetImages(await openDataset(fixtures.data, { split: 'test' }), features);
  const source = createTrainingSource(gpu, images, 32);
  let queued = 0;
  let known = 0;
  let most = 0;
  const saved: { step: number; queued: number }[] = [];
  const stop = new AbortController();
  const result = await train(
    { gpu, clip },
    { source, settings },
    {
      compiled(_, executable) {
        const { run } = executable;
        Object.assign(executable, {
          async run(...given: Parameters<typeof run>) {
            queued += 1;
            most = Math.max(most, queued - known);
            const found = await run(...given);
            await setTimeout(150); // the next batch is ready before these losses are known
            return found;
          },
        });
      },
      step({ step }) {
        known += 1;
        expect(step).toBe(known);
        if (step >= stopAt) stop.abort();
      },
      save: async ({ progress }) => void saved.push({ step: progress.step, queued }),
    },
    { saveEvery, signal: stop.signal },
  );
  features.dispose();
  return { most, saved, queued, known, result };
}

test('a step is queued while the one before computes, and a checkpoint waits for its own', async () => {
  const overlapped = await trace(Number.POSITIVE_INFINITY);
  expect(overlapped.most).toBe(2);
  expect(overlapped.saved).toEqual([
    { step: 3, queued: 3 },
    { step: 6, queued: 6 },
  ]);
  const one = await trace(1);
  expect(one.most).toBe(1);
  expect(one.result.parameters).toEqual(overlapped.result.parameters); // to the bit
});

test('stopped, the step that was queued already is finished and saved', async () => {
  const { queued, known, saved, result } = await trace(Number.POSITIVE_INFINITY, 1);
  expect(result.finished).toBe(false);
  expect(known).toBe(queued);
  expect(known).toBeLessThanOrEqual(2);
  expect(saved).toEqual([{ step: known, queued }]);
});
