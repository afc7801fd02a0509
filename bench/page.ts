// From opening the page to the first heat map, in Chromium: where the time goes, and what held up the main thread.
import type { BrowserContext } from 'playwright-core';
import { testBrowser } from '../testing/browser/chromium.ts';
import { longest, watchTasks } from '../testing/browser/tasks.ts';
import { servePage } from './page-site.ts';

/** Milliseconds of one visit; the parts are what the page's progress shows, one after the other. */
export interface Visit {
  /** From navigation to the first heat map on the screen. */
  readonly total: number;
  /** Until the page reacts and its generated sample is drawn. */
  readonly page: number;
  /** Worker, adapter, and opening the files. */
  readonly start: number;
  /** Weights and prompts, from the network or from storage. */
  readonly read: number;
  readonly compile: number;
  readonly compute: number;
  /** The longest task of the main thread: by the clock, and of the processor. */
  readonly longestTask: number;
  readonly longestTaskCpu: number;
  /** The longest time between two animation frames, compositor included. */
  readonly longestFrame: number;
}

/** What the page's script collects (see `watch`). */
interface Watched {
  events: [number, string][];
  frames: number[];
}

declare global {
  var watched: Watched;
}

/** Runs inside the page, before its own scripts. */
function watch(): void {
  const events: [number, string][] = [];
  const frames: number[] = [];
  globalThis.watched = { events, frames };
  const note = (name: string) => {
    if (events.at(-1)?.[1] !== name) events.push([performance.now(), name]);
  };
  let last = performance.now();
  let clicked = false;
  const frame = (now: number) => {
    frames.push(now - last);
    last = now;
    const sample = document.querySelector<HTMLImageElement>('.sample img');
    if (!clicked && sample && sample.naturalWidth > 0) {
      clicked = true;
      note('click');
      sample.closest('button')!.click();
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const phases = [
    [/Downloading|Reading/, 'read'],
    [/Preparing/, 'compile'],
    [/Computing/, 'compute'],
    [/Starting/, 'start'],
  ] as const;
  new MutationObserver(() => {
    const text =
      document.querySelector('.inspect .progress:not([hidden]) .progress-words')?.textContent ?? '';
    const phase = phases.find(([pattern]) => pattern.test(text))?.[1];
    if (phase) note(phase);
    // The frame after this one shows the map.
    if (document.querySelector('.stage[data-state=done]') && events.at(-1)?.[1] !== 'done')
      requestAnimationFrame(() => requestAnimationFrame(() => note('done')));
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
}

async function visit(context: BrowserContext, url: string): Promise<Visit> {
  const page = await context.newPage();
  await page.addInitScript(watch);
  const tasks = await watchTasks(page);
  await page.goto(url);
  await page.waitForFunction(() => watched.events.at(-1)?.[1] === 'done', null, { timeout: 120_000 });
  const { events, frames } = await page.evaluate(() => watched);
  const { wall, cpu } = longest(await tasks.end());
  // So that the next visit is served by it.
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  // The photograph would be there again at once: what is wanted are the weights that the browser kept.
  await page.click('text=Start over');
  await page.waitForSelector('.welcome');
  await page.waitForTimeout(500); // forgotten behind the page's back
  await page.close();
  const spent = (name: string) =>
    events.reduce((sum, [time, event], i) => (event === name ? sum + events[i + 1]![0] - time : sum), 0);
  return {
    total: events.at(-1)![0],
    page: events.find(([, name]) => name === 'click')![0],
    start: spent('click') + spent('start'),
    read: spent('read'),
    compile: spent('compile'),
    compute: spent('compute'),
    longestTask: wall.wall,
    longestTaskCpu: cpu.cpu,
    longestFrame: Math.max(...frames),
  };
}

const median = (visits: readonly Visit[]): Visit =>
  Object.fromEntries(
    (Object.keys(visits[0]!) as (keyof Visit)[]).map((key) => {
      const values = visits.map((one) => one[key]).sort((a, b) => a - b);
      // Of what holds the page up the worst counts.
      return [key, key.startsWith('longest') ? values.at(-1)! : values[values.length >> 1]!];
    }),
  ) as unknown as Visit;

/**
 * Builds the page, serves it on localhost, and visits it with an empty browser and once more with what that kept.
 * @param runs pairs of visits; medians count, of blocked time the maximum
 */
export async function benchPage(runs: number): Promise<{ readonly first: Visit; readonly cached: Visit }> {
  const { url, close } = await servePage();
  const browser = await testBrowser();
  const first: Visit[] = [];
  const cached: Visit[] = [];
  try {
    for (let i = 0; i < runs; i += 1) {
      const context = await browser.newContext();
      first.push(await visit(context, url));
      cached.push(await visit(context, url));
      await context.close();
    }
  } finally {
    await browser.close();
    await close();
  }
  return { first: median(first), cached: median(cached) };
}
