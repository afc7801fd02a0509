import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { esbuildWgsl } from '../scripts/wgsl-plugin.mjs';
import { drawSample } from '../src/data/synth/stream.ts';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { clipTensorShapes } from '../src/model/clip/config.ts';
import { largestLogitScale } from '../src/model/clip/initial.ts';
import { clipMean, clipStd } from '../src/model/clip/pixels.ts';
import { drawBatch } from '../src/train/pretrain/batch.ts';
import { inlineBatches, threadedBatches } from '../src/train/pretrain/batches.node.ts';
import { readPretrainCheckpoint, writePretrainCheckpoint } from '../src/train/pretrain/checkpoint.ts';
import { drawingOf, learningRateAt, textLength } from '../src/train/pretrain/settings.ts';
import { decays } from '../src/train/pretrain/step.ts';
import { type PretrainSnapshot, pretrain } from '../src/train/pretrain/trainer.ts';
import { hasEsbuild } from '../testing/esbuild.ts';
import { testGpu } from './gpu.ts';
import { tinyPretraining as settings } from './pretrain-fixtures.ts';
import { cli } from './train-fixtures.ts';

const gpu = await testGpu();
const source = inlineBatches(settings);
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-pretrain-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs to `until` from `resume`, and gives the checkpoint's bytes with every step's loss. */
async function run(until: number, resume?: PretrainSnapshot) {
  const abort = new AbortController();
  const losses: number[] = [];
  const batchOf = (step: number) => {
    if (step === until) abort.abort(); // which stops after the step under way
    return source.next(step);
  };
  const last = await pretrain(gpu, settings, batchOf, {
    resume,
    signal: abort.signal,
    step: (event) => void losses.push(event.losses.total!),
  });
  return { last, losses, bytes: writePretrainCheckpoint(last, settings) };
}

describe('a run', () => {
  test('of 50 steps gives the same bits twice, and learns', async () => {
    const once = await run(50);
    const twice = await run(50);
    expect(twice.losses).toEqual(once.losses);
    expect(Buffer.compare(once.bytes, twice.bytes)).toBe(0);
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    expect(mean(once.losses.slice(-10))).toBeLessThan(mean(once.losses.slice(0, 10)) - 0.2);
  });

  test('that is stopped and resumed from its checkpoint gives the bits of one that was not', async () => {
    const whole = await run(9);
    const { bytes } = await run(4);
    const checkpoint = await readSafetensors(bytesSource('last.safetensors', bytes));
    const resumed = await run(9, await readPretrainCheckpoint(checkpoint, settings));
    expect(resumed.losses).toEqual(whole.losses.slice(4));
    expect(Buffer.compare(resumed.bytes, whole.bytes)).toBe(0);
  });

  test('keeps the temperature at 100 at most', async () => {
    const { last } = await run(1);
    const parameters = new Map([...last.state.parameters, ['logit_scale', Float32Array.of(9)]]);
    const after = await run(2, { step: 1, state: { ...last.state, parameters } });
    expect(after.last.state.parameters.get('logit_scale')![0]).toBe(Math.fround(largestLogitScale));
  });

  test('goes on with the settings of its checkpoint only', async () => {
    const { bytes } = await run(1);
    const checkpoint = await readSafetensors(bytesSource('last.safetensors', bytes));
    await expect(readPretrainCheckpoint(checkpoint, { ...settings, decay: 0.3 })).rejects.toThrow(
      'last.safetensors: decay: expected 0.1 as in the checkpoint, found 0.3',
    );
    // Where the run ends is free until the cool-down begins.
    const early = { ...settings, stopAt: 9, cooldown: 5 };
    expect((await readPretrainCheckpoint(checkpoint, early)).step).toBe(1);
    await expect(readPretrainCheckpoint(checkpoint, { ...early, cooldown: 9 })).rejects.toThrow('stopAt');
  });
});

describe('a batch', async () => {
  const { images, tokens, ends, signs, ...weights } = await drawBatch(settings, 3);
  const samples = Array.from({ length: settings.batch }, (_, i) =>
    drawSample({ role: 'pretrain', seed: settings.seed, index: 2 * settings.batch + i, imageSize: 32 }),
  );

  test('has the texts of its samples, and says which one tells of the defect', () => {
    const texts = Array.from(ends, (end, i) =>
      Array.from(tokens.subarray(i * textLength + 1, i * textLength + end), (id) => settings.words[id]).join(
        ' ',
      ),
    );
    expect(texts.slice(0, 4)).toEqual(samples.map(({ caption }) => caption));
    expect(texts.slice(4)).toEqual(samples.map(({ counterpart }) => counterpart));
    expect([...signs]).toEqual(samples.map(({ defect }) => (defect === null ? -1 : 1)));
  });

  test('has the images of its samples, mirrored and lit a little differently', () => {
    // The mean of a channel changes with the exposure only.
    const size = 32 ** 2;
    for (const [i, { image }] of samples.entries())
      for (let c = 0; c < 3; c++) {
        let [got, drawn] = [0, 0];
        for (let p = 0; p < size; p++) {
          got += (images[(i * 3 + c) * size + p]! * clipStd[c]! + clipMean[c]!) * 255;
          drawn += image.data[3 * p + c]!;
        }
        expect(got / drawn).toBeGreaterThan(0.85 * 0.94 - 1e-3);
        expect(got / drawn).toBeLessThan(1.15 * 1.06 + 1e-3);
      }
  });

  test('is shown again 120 steps later where the settings want it, mirrored and lit anew', async () => {
    expect([1, 120, 121, 240, 241, 361].map((step) => drawingOf({ ...settings, visits: 2 }, step))).toEqual([
      { batch: 1, last: false },
      { batch: 120, last: false },
      { batch: 1, last: true },
      { batch: 120, last: true },
      { batch: 121, last: false },
      { batch: 121, last: true },
    ]);
    const again = await drawBatch({ ...settings, visits: 2 }, 123);
    expect(again.tokens).toEqual(tokens);
    expect(again.images).not.toEqual(images);
    expect(drawingOf(settings, 123)).toEqual({ batch: 123, last: true });
  });

  test('shares the weight of patches equally between the classes', () => {
    const sum = (values: Float32Array) => values.reduce((a, b) => a + b, 0);
    expect(sum(weights.abnormalPatches)).toBeCloseTo(settings.regionWeight / 2, 4);
    expect(sum(weights.normalPatches)).toBeCloseTo(settings.regionWeight / 2, 4);
  });

  test.skipIf(!hasEsbuild())('is the same from a thread', async () => {
    // Inside the project, where the packages that it does not bundle are found.
    const folder = await mkdtemp(path.resolve('node_modules/.faprompt-worker-'));
    const script = path.join(folder, 'batch-worker.mjs');
    await build({
      entryPoints: ['src/train/pretrain/batch-worker.node.ts'],
      outfile: script,
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      logLevel: 'error',
      plugins: [esbuildWgsl],
    });
    // Past the 120 batches after which the first is shown again.
    const twice = { ...settings, batch: 1, visits: 2, stopAt: 124 };
    const threaded = threadedBatches(twice, pathToFileURL(script), { threads: 2 });
    try {
      for (let step = 1; step <= 124; step++)
        expect(await threaded.next(step)).toEqual(await drawBatch(twice, step));
    } finally {
      await threaded.close();
      await rm(folder, { recursive: true });
    }
  });
});

test('the learning rate rises in a line and falls in half a cosine', () => {
  const at = (step: number) =>
    learningRateAt({ ...settings, steps: 100, stopAt: 100, warmup: 10, learningRate: 1 }, step);
  expect([1, 5, 10].map(at)).toEqual([0.1, 0.5, 1]);
  expect(at(55)).toBeCloseTo(0.5, 1);
  expect(at(100)).toBeGreaterThan(0);
  expect(at(100)).toBeLessThan(1e-3);
});

test('a run that ends early cools down in a line, from the cosine to 0', () => {
  const whole = { ...settings, steps: 100, stopAt: 100, warmup: 10, learningRate: 1 };
  const early = { ...whole, stopAt: 60, cooldown: 9 };
  for (const step of [1, 30, 51]) expect(learningRateAt(early, step)).toBe(learningRateAt(whole, step));
  const from = learningRateAt(whole, 51);
  expect(learningRateAt(early, 52)).toBeCloseTo(0.9 * from, 12);
  expect(learningRateAt(early, 60)).toBeCloseTo(0.1 * from, 12);
});

test('weight decay is for matrices alone', () => {
  const decayed = [...clipTensorShapes(settings.config)]
    .filter(([name, shape]) => decays(name, shape))
    .map(([name]) => name.replace(/resblocks\.\d+/, 'resblocks.N'));
  expect([...new Set(decayed)].sort()).toEqual(
    [
      'text_projection',
      'visual.conv1.weight',
      'visual.proj',
      ...['transformer', 'visual.transformer'].flatMap((tower) =>
        ['attn.in_proj_weight', 'attn.out_proj.weight', 'mlp.c_fc.weight', 'mlp.c_proj.weight'].map(
          (matrix) => `${tower}.resblocks.N.${matrix}`,
        ),
      ),
    ].sort(),
  );
});

test('faprompt pretrain: a stopped run is resumed, and its weights are a CLIP like any other', async () => {
  const [out, weights] = [path.join(dir, 'run'), path.join(dir, 'clip.safetensors')];
  const command = [
    'pretrain',
    '--out',
    out,
    '--steps',
    '3',
    '--warmup',
    '1',
    '--batch',
    '2',
    '--image-size',
    '32',
  ];
  const interrupted = await cli([...command, '--export', weights], {
    onInterrupt(stop) {
      stop();
      return () => {};
    },
  });
  expect(interrupted.code, interrupted.note).toBe(130);
  expect((await cli(command)).note).toContain('use --resume');
  const finished = await cli([...command, '--resume', '--export', weights, '--about', 'licence=MIT']);
  expect(finished.code, finished.note).toBe(0);
  const steps = (await readFile(path.join(out, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3]);
  const info = await cli(['weights', 'info', '--json', weights]);
  expect(JSON.parse(info.out)).toMatchObject({
    types: ['F16'],
    visionHeads: 4,
    imageResolution: 32,
    notice: null,
  });
  const { metadata } = await readSafetensors(bytesSource('clip.safetensors', await readFile(weights)));
  expect(metadata.get('licence')).toBe('MIT');
  expect(metadata.get('steps')).toBe('3');
  expect(JSON.parse(metadata.get('data')!).families).toContain('weave');
  const quality = await cli(['weights', 'quality', '--json', '--samples', '8', weights]);
  expect(quality.code, quality.note).toBe(0);
  expect(JSON.parse(quality.out)).toHaveLength(3);
});
