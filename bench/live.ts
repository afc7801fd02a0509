// The page's live mode with a fake camera: frames a second, frames dropped, memory as minutes go by.
import { readFile } from 'node:fs/promises';
import { testBrowser } from '../testing/browser/chromium.ts';
import { imageMemory } from '../testing/browser/image-memory.ts';
import { servePage } from './page-site.ts';

export interface LiveMoment {
  readonly seconds: number;
  /** As the page shows them. */
  readonly rate: number;
  readonly dropped: number;
  /** Megabytes: the page's heap after a collection, and the processes of page and GPU. */
  readonly heap: number;
  readonly renderer: number;
  readonly gpu: number;
  /** Megabytes of pictures that the browser keeps decoded. */
  readonly pictures: number;
}

/** @param seconds how long; @param every between two measurements */
export async function benchLive(
  seconds: number,
  every: number,
  say: (moment: LiveMoment) => void,
): Promise<readonly LiveMoment[]> {
  const site = await servePage();
  const browser = await testBrowser();
  const context = await browser.newContext({ serviceWorkers: 'block', permissions: ['camera'] });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    const session = await context.newCDPSession(page);
    await session.send('Performance.enable');
    const whole = await browser.newBrowserCDPSession();
    const resident = async (wanted: string): Promise<number> => {
      const { processInfo } = await whole.send('SystemInfo.getProcessInfo');
      const sizes = processInfo
        .filter(({ type }) => type.toLowerCase() === wanted)
        .map(async ({ id }) => {
          const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
          return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1e3;
        });
      return Math.max(0, ...(await Promise.all(sizes)));
    };
    await page.goto(site.url);
    await page.click('.welcome >> text=Live');
    await page.waitForSelector('.live-figures >> text=frames a second');
    const moments: LiveMoment[] = [];
    const began = performance.now();
    for (let at = every; at <= seconds; at += every) {
      await page.waitForTimeout(Math.max(0, began + 1000 * at - performance.now()));
      await session.send('HeapProfiler.collectGarbage');
      const { metrics } = await session.send('Performance.getMetrics');
      const [, rate, dropped] = /([\d.]+) frames a second · (\d+)/.exec(
        await page.locator('.live-figures').innerText(),
      )!;
      const moment = {
        seconds: Math.round((performance.now() - began) / 1000),
        rate: Number(rate),
        dropped: Number(dropped),
        heap: metrics.find(({ name }) => name === 'JSHeapUsedSize')!.value / 1e6,
        renderer: await resident('renderer'),
        gpu: await resident('gpu'),
        pictures: await imageMemory(browser),
      };
      say(moment);
      moments.push(moment);
    }
    return moments;
  } finally {
    await context.close();
    await browser.close();
    await site.close();
  }
}
