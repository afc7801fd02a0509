import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TrainOptions, TrainResult } from '../src/detector/api.ts';
import { trainPrompts as trainInNode } from '../src/detector/index.node.ts';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { distance, encoded } from '../testing/browser/fixtures.ts';
import { newContext, openPage, openTestSite, type TestPage } from '../testing/browser/open.ts';
import type { Site } from '../testing/browser/site.ts';
import { cli, makeFixtures } from './train-fixtures.ts';

/** 9 images, of which the last is broken in some tests; small FAPrompt sizes, so that a step takes milliseconds. */
const settings: Pick<TrainOptions, 'batch' | 'seed' | 'options'> = {
  batch: 4,
  seed: 1,
  options: { prompts: 2, patches: 4 },
};

describe.skipIf(!hasChromium())('training in a browser', () => {
  let site: Site;
  let opened: TestPage;
  let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
  let samples: { image: string; mask?: string }[];
  let dir = '';

  beforeAll(async () => {
    fixtures = await makeFixtures();
    dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-trained-'));
    const meta = JSON.parse(await readFile(path.join(fixtures.data, 'meta.json'), 'utf8'));
    const entries = Object.values(meta.test).flat() as { img_path: string; mask_path: string }[];
    samples = entries.map(({ img_path, mask_path }) => ({
      image: img_path,
      ...(mask_path ? { mask: mask_path } : {}),
    }));
    site = await openTestSite();
    site.files.set('/clip.safetensors', await readFile(fixtures.clip));
    for (const name of samples.flatMap(({ image, mask }) => (mask ? [image, mask] : [image])))
      site.files.set(`/${name}`, await readFile(path.join(fixtures.data, name)));
    site.files.set('/bad.png', (await encoded.png()).subarray(0, 5000));
    opened = await openPage(await newContext({ boundsChecks: false }), site);
  });
  afterAll(async () => {
    await opened?.close();
    await site?.close();
    await fixtures?.remove();
    await rm(dir, { recursive: true, force: true });
  });

  const parameters = async (result: Pick<TrainResult, 'prompts'>) => {
    const file = await readSafetensors(bytesSource('prompts', result.prompts));
    return new Map(
      await Promise.all(
        [...file.tensors.keys()].map(async (name) => [name, await file.readFloat32(name)] as const),
      ),
    );
  };
  const expectClose = async (
    a: Pick<TrainResult, 'prompts'>,
    b: Pick<TrainResult, 'prompts'>,
    tolerance: number,
  ) => {
    const [found, wanted] = [await parameters(a), await parameters(b)];
    expect([...found.keys()]).toEqual([...wanted.keys()]);
    for (const [name, values] of found)
      expect(distance(values, wanted.get(name)!), name).toBeLessThanOrEqual(tolerance);
  };

  test('in a worker: losses of Node, live maps, a bad image left out, detection while paused; the command line reads the prompts', async () => {
    const found = await opened.page.evaluate(
      async ({ samples, settings }) => {
        const losses: number[] = [];
        const maps: { step: number; mean: number; values: number }[] = [];
        const problems: string[] = [];
        const epochs: number[] = [];
        const { Detector } = faprompt;
        const detector = await Detector.load({ clip: '/clip.safetensors' });
        const training = detector.train({
          ...settings,
          samples: [...samples, { image: '/bad.png', name: 'the bad one' }],
          epochs: 2,
          watch: { sample: 1, every: 2 },
          onStep({ step, losses: terms }) {
            losses.push(terms.total!);
            if (step === 2) training.pause();
          },
          onEpoch: ({ loss }) => epochs.push(loss),
          onMap({ step, map }) {
            const mean = map.data.reduce((sum, value) => sum + value, 0) / map.data.length;
            maps.push({ step, mean, values: map.data.length });
          },
          onProblem: ({ sample, name, message }) => problems.push(`${sample} ${name}: ${message}`),
        });
        while (losses.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
        // Whoever asks now has the device, until the run goes on. The worker hears of the pause when it is asked first; the
        // step that was under way then has ended when it is asked again.
        const ask = () => detector.classify(samples[0]!.image, ['object', 'damaged object']);
        await ask();
        await ask();
        const stepsWhenPaused = losses.length;
        const texts = await ask();
        const stepsWhilePaused = losses.length;
        training.continue();
        const result = await training.result;
        await detector.setPrompts(result.prompts);
        const { score } = await detector.detect(samples[0]!.image);
        detector.close();
        return {
          losses,
          maps,
          problems,
          epochs,
          stepsWhenPaused,
          stepsWhilePaused,
          texts: texts.length,
          score,
          result: { ...result, prompts: [...result.prompts], checkpoint: result.checkpoint.length },
        };
      },
      { samples, settings },
    );
    const losses: number[] = [];
    const node = await trainInNode({
      ...settings,
      clip: fixtures.clip,
      samples: [
        ...samples.map(({ image, mask }) => ({
          image: path.join(fixtures.data, image),
          ...(mask ? { mask: path.join(fixtures.data, mask) } : {}),
        })),
        { image: (await encoded.png()).subarray(0, 5000), name: 'the bad one' },
      ],
      epochs: 2,
      onStep: ({ losses: terms }) => losses.push(terms.total!),
    }).result;
    expect(found.stepsWhilePaused).toBe(found.stepsWhenPaused);
    expect(found.stepsWhilePaused).toBeGreaterThanOrEqual(2);
    expect(found.stepsWhilePaused).toBeLessThan(losses.length);
    expect(found.losses).toHaveLength(losses.length);
    found.losses.forEach((loss, i) => {
      expect(loss / losses[i]!).toBeCloseTo(1, 4);
    });
    expect(found.epochs).toHaveLength(2);
    expect(found.maps.map(({ step }) => step)).toEqual([0, 2, 4, 6]);
    expect(found.maps.every(({ values }) => values === 32 * 32)).toBe(true);
    expect(found.maps[3]!.mean).not.toBe(found.maps[0]!.mean);
    expect(found.problems).toEqual([expect.stringMatching(/^9 the bad one: .*damaged/)]);
    expect(found.texts).toBe(2);
    expect(found.result).toMatchObject({ finished: true, epochs: 2, steps: losses.length, problems: 1 });
    // Adam's first steps are of the learning rate's size whatever the gradient's: rounding shows.
    const prompts = Uint8Array.from(found.result.prompts);
    await expectClose({ prompts }, node, 2e-3);

    const file = path.join(dir, 'prompts.safetensors');
    await writeFile(file, prompts);
    const image = path.join(fixtures.data, samples[0]!.image);
    const out = path.join(dir, 'out');
    const outcome = await cli([
      'detect',
      image,
      '--clip',
      fixtures.clip,
      '--prompts',
      file,
      '--out',
      out,
      '--json',
      '--no-cache',
    ]);
    expect(outcome.code, outcome.note).toBe(0);
    expect(JSON.parse(outcome.out).images[0].score).toBeCloseTo(found.score, 4);
  });

  test('stopped and gone on from its checkpoint: the bits of a run that was never stopped; a lost device changes nothing', async () => {
    const found = await opened.page.evaluate(
      async ({ samples, settings }) => {
        type Training = ReturnType<typeof faprompt.trainPrompts>;
        const options = { ...settings, batch: 2, samples, epochs: 2 };
        const whole = await faprompt.trainPrompts({ ...options, clip: '/clip.safetensors', worker: false })
          .result;
        const { Detector } = faprompt;
        const detector = await Detector.load({ clip: '/clip.safetensors', worker: false });
        const run = (more: Partial<TrainOptions>, at?: { step: number; what(training: Training): void }) => {
          const training: Training = detector.train({
            ...options,
            ...more,
            onStep({ step }) {
              if (step === at?.step) at.what(training);
            },
          });
          return training.result;
        };
        const stopped = await run({}, { step: 2, what: (training) => training.stop() });
        const resumed = await run({ checkpoint: stopped.checkpoint });
        const changed = await run({ checkpoint: stopped.checkpoint, seed: 2 }).catch(({ kind, message }) => ({
          kind,
          message,
        }));
        let lost = false;
        const survived = await run(
          {},
          {
            step: 4,
            what() {
              if (!lost) pages.loseDevice();
              lost = true;
            },
          },
        );
        const control = new AbortController();
        const reason = await run(
          { signal: control.signal },
          { step: 1, what: () => control.abort(new Error('no more')) },
        ).catch((error) => error.message);
        detector.close();
        const plain = (result: { prompts: Uint8Array }) => ({
          ...result,
          prompts: [...result.prompts],
          checkpoint: 0,
        });
        return {
          whole: plain(whole),
          stopped: plain(stopped),
          resumed: plain(resumed),
          survived: plain(survived),
          changed,
          reason,
        };
      },
      { samples: samples.slice(2, 7), settings },
    );
    // The next step may be under way when one is reported.
    expect(found.stopped).toMatchObject({ finished: false, steps: expect.toBeOneOf([2, 3]) });
    expect(found.resumed).toEqual(found.whole);
    expect(found.survived.prompts).toEqual(found.whole.prompts);
    expect(found.changed).toMatchObject({ kind: 'training', message: expect.stringContaining('seed') });
    expect(found.reason).toBe('no more');
  });

  test('options that make no sense, and samples that cannot be used', async () => {
    const found = await opened.page.evaluate(async (samples) => {
      const { Detector } = faprompt;
      const detector = await Detector.load({ clip: '/clip.safetensors', worker: false });
      const fails = (options: Partial<TrainOptions>) =>
        detector.train({ samples, ...options }).result.then(
          () => 'none',
          ({ kind, message }) => `${kind}: ${message}`,
        );
      const outcomes = [
        await fails({ epochs: 0 }),
        await fails({ size: 33 }),
        await fails({ options: { prompts: -1 } }),
        await fails({ watch: { sample: 99, every: 1 } }),
        await fails({ samples: [] }),
        await fails({ samples: [{ image: '/bad.png', mask: '/bad.png' }] }),
        await fails({ samples: samples.map(({ image }) => ({ image })) }),
      ];
      detector.close();
      return outcomes;
    }, samples);
    expect(found).toEqual([
      expect.stringMatching(/^bad-option: epochs: expected an integer/),
      expect.stringMatching(/^(bad-option|internal): .*multiple/),
      expect.stringMatching(/^bad-option: prompts: expected an integer/),
      expect.stringMatching(/^bad-option: watch/),
      expect.stringMatching(/^training: samples/),
      expect.stringMatching(/^training: data: expected at least one usable image/),
      expect.stringMatching(/^training: samples: expected anomalous images with masks/),
    ]);
  });
});
