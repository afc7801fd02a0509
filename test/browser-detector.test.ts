import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Detection } from '../src/detector/api.ts';
import { Detector as NodeDetector } from '../src/detector/index.node.ts';
import { hasChromium } from './browser/chromium.ts';
import { encoded, smallClip, smallPrompts } from './browser/fixtures.ts';
import { newContext, openPage, openTestSite } from './browser/open.ts';
import type { Site } from './browser/site.ts';

/** Largest difference of two maps. */
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};

describe.skipIf(!hasChromium())('detector in a browser', () => {
  let site: Site;
  const expected = new Map<string, Detection>();
  beforeAll(async () => {
    site = await openTestSite();
    const prompts = await smallPrompts();
    site.files.set('/prompts.safetensors', prompts);
    const images = { '/image.png': await encoded.png(), '/image.jpg': await encoded.jpeg() };
    const detector = await NodeDetector.load({ clip: smallClip, prompts });
    for (const [name, bytes] of Object.entries(images)) {
      site.files.set(name, bytes);
      expected.set(name, await detector.detect(bytes));
    }
    detector.close();
  });
  afterAll(() => site.close());

  test.each([
    ['in a worker', true],
    ['on the main thread', false],
  ])('equals Node: %s', async (_, worker) => {
    const context = await newContext();
    const { page, complaints } = await openPage(context, site);
    const result = await page.evaluate(async (worker) => {
      const began = performance.now();
      const events: string[] = [];
      const detector = await faprompt.Detector.load({
        clip: 'weights/small-clip.safetensors',
        prompts: '/prompts.safetensors',
        worker,
        progress: (p) => events.push(JSON.stringify(p)),
        onWarning: (w) => events.push(w.message),
      });
      const loaded = performance.now() - began;
      const png = await detector.detect('/image.png');
      const jpg = await detector.detect('/image.jpg');
      const { info } = detector;
      detector.close();
      const plain = ({ map, ...rest }: typeof png) => ({ ...rest, map: [...map.data] });
      return { loaded, events, info, png: plain(png), jpg: plain(jpg) };
    }, worker);
    console.log(
      result.loaded,
      result.info,
      result.events.slice(0, 3),
      result.events.slice(-4),
      result.png.times,
      result.jpg.times,
      result.png.score,
      complaints,
    );
    console.log(
      distance(result.png.map, expected.get('/image.png')!.map.data),
      result.png.score - expected.get('/image.png')!.score,
    );
    console.log(
      distance(result.jpg.map, expected.get('/image.jpg')!.map.data),
      result.jpg.score - expected.get('/image.jpg')!.score,
      expected.get('/image.jpg')!.score,
    );
    await context.close();
  });
});
