// Time to the first heat map in a browser, where it goes, and how long the page's thread was blocked meanwhile.

import { type Blocking, watchBlocking } from '../testing/browser/blocking.ts';
import { testBrowser } from '../testing/browser/chromium.ts';
import { encoded, smallPrompts } from '../testing/browser/fixtures.ts';
import { openPage, openTestSite } from '../testing/browser/open.ts';

/** Milliseconds. */
export interface FirstMap {
  readonly name: string;
  /** Until the first byte of weights: worker, device, storage. */
  readonly start: number;
  /** Weights and prompts onto the device. */
  readonly read: number;
  readonly compile: number;
  /** From the image to the map, the first time and the second. */
  readonly first: number;
  readonly second: number;
  /** From `Detector.load` to the first map. */
  readonly total: number;
  readonly blocking: Blocking;
}

/** @returns a cold start, one with stored weights, and one on the page's own thread, in fresh pages */
export async function benchBrowser(): Promise<FirstMap[]> {
  const site = await openTestSite();
  site.files.set('/prompts.safetensors', await smallPrompts(10));
  site.files.set('/image.png', await encoded.png());
  const browser = await testBrowser();
  const context = await browser.newContext();
  const results: FirstMap[] = [];
  try {
    for (const [name, worker] of [
      ['worker, weights by network', true],
      ['worker, weights stored', true],
      ["page's thread, weights stored", false],
    ] as const) {
      const { page } = await openPage(context, site);
      const blocking = await watchBlocking(page);
      const times = await page.evaluate(async (worker) => {
        const at: Record<string, number> = {};
        const began = performance.now();
        const { Detector } = faprompt;
        const detector = await Detector.load({
          clip: 'weights/small-clip.safetensors',
          prompts: '/prompts.safetensors',
          worker,
          progress({ phase, done }) {
            if (phase === 'read' && done > 0) at.bytes ??= performance.now();
            if (phase === 'compile') at.compile ??= performance.now();
          },
        });
        const loaded = performance.now();
        await detector.detect('/image.png');
        const first = performance.now();
        await detector.detect('/image.png');
        const second = performance.now();
        detector.close();
        return {
          start: at.bytes! - began,
          read: at.compile! - at.bytes!,
          compile: loaded - at.compile!,
          first: first - loaded,
          second: second - first,
          total: first - began,
        };
      }, worker);
      results.push({ name, ...times, blocking: await blocking() });
      await page.close();
    }
  } finally {
    await browser.close();
    await site.close();
  }
  return results;
}
