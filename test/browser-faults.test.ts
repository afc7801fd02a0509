import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Detection } from '../src/detector/api.ts';
import { Detector as NodeDetector } from '../src/detector/index.node.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { encoded, smallClip, smallPrompts } from '../testing/browser/fixtures.ts';
import { newContext, openPage, openTestSite, type TestPage } from '../testing/browser/open.ts';
import type { Site } from '../testing/browser/site.ts';

describe.skipIf(!hasChromium())('faults in a browser', () => {
  let site: Site;
  let opened: TestPage;
  let expected: Detection;

  beforeAll(async () => {
    site = await openTestSite();
    const prompts = await smallPrompts(2);
    const image = await encoded.png();
    site.files.set('/prompts.safetensors', prompts);
    site.files.set('/image.png', image);
    site.files.set('/not-weights.safetensors', image);
    const node = await NodeDetector.load({ clip: smallClip, prompts, size: 48 });
    expected = await node.detect(image);
    node.close();
    opened = await openPage(await newContext({ boundsChecks: false }), site);
  });
  afterAll(async () => {
    await opened?.close();
    await site?.close();
  });

  test.each([
    ['on the main thread', false],
    ['in a worker', true],
  ])(
    'a lost device, %s: the model is loaded again and the job run again; then while idle',
    async (_, worker) => {
      const found = await opened.page.evaluate(async (worker) => {
        const states: string[] = [];
        let recovered = () => {};
        const { Detector } = faprompt;
        const detector = await Detector.load({
          clip: 'weights/small-clip.safetensors',
          prompts: '/prompts.safetensors',
          size: 48,
          worker,
          onDevice({ state }) {
            states.push(state);
            if (state === 'recovered') recovered();
          },
        });
        await pages.loseDeviceAtWork(worker);
        const during = await detector.detect('/image.png');
        const idle = new Promise<void>((resolve) => {
          recovered = resolve;
        });
        pages.loseDevice();
        await idle;
        const after = await detector.detect('/image.png');
        detector.close();
        return { states, scores: [during.score, after.score] };
      }, worker);
      expect(found.states).toEqual(['lost', 'recovered', 'lost', 'recovered']);
      for (const score of found.scores) expect(score).toBeCloseTo(expected.score, 4);
    },
  );

  test('a device that cannot be had again is reported, and tried again for the next job', async () => {
    const found = await opened.page.evaluate(async () => {
      const states: string[] = [];
      let failed = () => {};
      const end = new Promise<void>((resolve) => {
        failed = resolve;
      });
      const { Detector } = faprompt;
      const detector = await Detector.load({
        clip: 'weights/small-clip.safetensors',
        prompts: '/prompts.safetensors',
        size: 48,
        worker: false,
        onDevice({ state }) {
          states.push(state);
          if (state === 'failed') failed();
        },
      });
      const { requestAdapter } = GPU.prototype;
      GPU.prototype.requestAdapter = async () => null;
      pages.loseDevice();
      const waiting = detector.detect('/image.png').catch(({ kind, message }) => ({ kind, message }));
      await end;
      const outcome = await waiting;
      GPU.prototype.requestAdapter = requestAdapter;
      const { score } = await detector.detect('/image.png');
      detector.close();
      return { states, outcome, score };
    });
    expect(found.states[0]).toBe('lost');
    expect(found.states).toContain('failed');
    expect(found.states.at(-1)).toBe('recovered');
    expect(found.outcome).toMatchObject({ kind: 'device-lost', message: expect.stringContaining('adapter') });
    expect(found.score).toBeCloseTo(expected.score, 4);
  });

  test('out of memory suggests something smaller: the model, and an image', async () => {
    const found = await opened.page.evaluate(async () => {
      const given = {
        clip: 'weights/small-clip.safetensors',
        prompts: '/prompts.safetensors',
        worker: false,
      };
      const plain = ({ kind, hint, file }: { kind: string; hint?: string; file?: string }) => ({
        kind,
        hint,
        file,
      });
      const { Detector } = faprompt;
      const model = await Detector.load({ ...given, memoryBudget: 3e6 }).catch(plain);
      const detector = await Detector.load({ ...given, size: 48, memoryBudget: 1.2e7 });
      const canvas = new OffscreenCanvas(2400, 1600);
      canvas.getContext('2d')!.fillRect(0, 0, 100, 100);
      const image = await detector.detect(canvas, { name: 'large.png' }).catch(plain);
      const { score } = await detector.detect('/image.png');
      detector.close();
      return { model, image, score };
    });
    expect(found.model).toMatchObject({ kind: 'out-of-memory', hint: expect.stringContaining('smaller') });
    expect(found.image).toMatchObject({ kind: 'bad-image', file: 'large.png' });
    expect(found.score).toBeCloseTo(expected.score, 4);
  });

  test.each([
    ['no WebGPU', { clip: 'weights/small-clip.safetensors', worker: false }, 'no-webgpu', /Chrome/],
    ['not a weights file', { clip: '/not-weights.safetensors' }, 'bad-weights', /not-weights/],
    ['no such address', { clip: '/nowhere.safetensors' }, 'network', /404/],
    ["a worker's script that is not there", { clip: 'x', workerUrl: '/no-worker.js' }, 'internal', /worker/],
    [
      'a size that is no multiple',
      { clip: 'weights/small-clip.safetensors', size: 50 },
      'bad-option',
      /multiple/,
    ],
  ] as const)('%s: typed, on this side of the worker', async (name, options, kind, message) => {
    const found = await opened.page.evaluate(
      async ([name, options]) => {
        const gpu = Object.getOwnPropertyDescriptor(Navigator.prototype, 'gpu')!;
        if (name === 'no WebGPU') Reflect.deleteProperty(Navigator.prototype, 'gpu');
        const { Detector } = faprompt;
        try {
          await Detector.load({ prompts: '/prompts.safetensors', ...options });
          return undefined;
        } catch (error) {
          const { name, kind, message, hint } = error as {
            name: string;
            kind: string;
            message: string;
            hint?: string;
          };
          return { name, kind, message: `${message} ${hint}` };
        } finally {
          Object.defineProperty(Navigator.prototype, 'gpu', gpu);
        }
      },
      [name, options] as const,
    );
    expect(found).toMatchObject({ name: 'DetectorError', kind, message: expect.stringMatching(message) });
  });

  test('an abort while loading ends it with its reason', async () => {
    const found = await opened.page.evaluate(() =>
      Promise.all(
        [false, true].map(async (worker) => {
          const control = new AbortController();
          const { Detector } = faprompt;
          const loading = Detector.load({
            clip: 'weights/small-clip.safetensors',
            worker,
            signal: control.signal,
            progress: () => control.abort(new Error('changed my mind')),
          });
          return loading.then(String, (error) => error.message);
        }),
      ),
    );
    expect(found).toEqual(['changed my mind', 'changed my mind']);
  });
});
