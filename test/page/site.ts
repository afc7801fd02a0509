// The page as `npm run build:web` makes it, below a path of its own, in the tests' browser.
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { onTestFailed } from 'vitest';
import { buildPage } from '../../scripts/web/build.mjs';
import { pageServer } from '../../scripts/web/server.mjs';
import { testBrowser } from '../../testing/browser/chromium.ts';
import { slowAsAsked } from '../../testing/browser/slow.ts';
import { built } from '../built.ts';

export interface PageSite {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the page, from an origin of its own. @param weights a folder in place of the page's own weights */
export async function openPageSite(weights?: string): Promise<PageSite> {
  const folder = await built('page', (folder) => buildPage(folder));
  const base = '/some/path/';
  const server = pageServer(folder, base, weights === undefined ? {} : { '/weights/': weights });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors, violations of the Content-Security-Policy among them. */
  readonly complaints: readonly string[];
  /** Addresses of all requests, blobs of the page itself left out. */
  readonly requests: readonly string[];
}

interface Writes {
  pending: number;
  last: number;
}

/** In a page: how many changes of its databases are under way, and when the last one began or ended. */
function countWrites(): void {
  const writes: Writes = { pending: 0, last: performance.now() };
  Object.assign(globalThis, { writes });
  const begin = IDBDatabase.prototype.transaction;
  IDBDatabase.prototype.transaction = function (...given) {
    const change = begin.apply(this, given);
    if (change.mode === 'readonly') return change;
    writes.pending += 1;
    writes.last = performance.now();
    const end = () => {
      writes.pending -= 1;
      writes.last = performance.now();
    };
    change.addEventListener('complete', end);
    change.addEventListener('abort', end);
    return change;
  };
}

/** Waits until what the page keeps is written, which it does behind one's back: nothing under way, and nothing new for a moment. */
export const written = (page: Page): Promise<unknown> =>
  page.waitForFunction(
    () => {
      const { pending, last } = (globalThis as unknown as { writes: Writes }).writes;
      return pending === 0 && performance.now() - last > 150;
    },
    undefined,
    { polling },
  );

/** Waits until what the page does at its next frame is done. */
export const drawn = (page: Page): Promise<unknown> =>
  page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

/** A small phone, as a context's options. */
export const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true } as const;

/** A test that fails prints what its page showed then: of one that fails once in a hundred there is nothing else. */
export function tellIfItFails(page: Page): void {
  const tell = async () => {
    const text = await page.locator('body').innerText({ timeout: 5000 });
    console.log(`the page of the test that failed, ${page.url()}:\n${text.replace(/\n+/g, '\n')}`);
  };
  try {
    onTestFailed(() => tell().catch(() => {}));
  } catch {
    // Opened by a hook, for tests that hand it on.
  }
}

/** Opens the page in a fresh context, without the service worker: playwright does not see requests through one. */
export async function visit(
  { url }: PageSite,
  options: BrowserContextOptions = {},
  before?: (page: Page) => Promise<unknown>,
): Promise<Visit> {
  const context = await (await testBrowser({ boundsChecks: false })).newContext({
    serviceWorkers: 'block',
    ...options,
  });
  // Software rendering, and machines that do other things as well.
  context.setDefaultTimeout(150_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  context.on('request', (request) => {
    if (!request.url().startsWith('blob:')) requests.push(request.url());
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await context.addInitScript(countWrites);
  await slowAsAsked(context);
  await before?.(page);
  await page.goto(url);
  await page.waitForSelector('[data-ready]');
  tellIfItFails(page);
  return { page, context, complaints, requests };
}

/**
 * The welcome of "Inspect", on a page that is open: its photographs are forgotten, its model stays open with everything
 * that was compiled for it (SwiftShader takes seconds for that).
 */
async function startOver(page: Page): Promise<void> {
  // What a test that failed left behind.
  if ((await page.locator('dialog').count()) > 0) await page.reload();
  await page.click('nav >> text=Inspect');
  // Views change in tasks of their own: until then "Start over" is hidden, and the heading is the old view's.
  const welcome = page.locator('.sample:visible').first();
  const button = page.getByRole('button', { name: 'Start over' });
  await welcome.or(button).waitFor();
  if (await button.isVisible()) await button.click();
  await welcome.waitFor();
}

export interface SharedVisit {
  /** The page as it was opened, or back at its beginning (`startOver`). */
  begin(): Promise<Visit>;
  close(): Promise<void>;
}

/** One page for the tests of a file that begin with no photograph and do not mind that the model is open. */
export function shareVisit(open: () => Promise<Visit>): SharedVisit {
  let opened: Promise<Visit> | undefined;
  return {
    async begin() {
      if (opened) {
        const { page } = await opened;
        tellIfItFails(page);
        await startOver(page);
      }
      opened ??= open();
      return opened;
    },
    close: async () => (await opened)?.context.close(),
  };
}

/** Enters from which score photographs fail. */
export async function setLimit(page: Page, value: string): Promise<void> {
  await page.click('text=Set by hand');
  await page.getByLabel('Fails from').fill(value);
  await page.getByRole('button', { name: 'Set', exact: true }).click();
}

/** The file that a click saves. */
export async function saved(page: Page, button: string): Promise<{ name: string; bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

/** What "Numbers" saves. */
export interface SavedNumbers {
  readonly model: { readonly sha256: string };
  readonly images: readonly {
    readonly image: string;
    readonly width: number;
    readonly height: number;
    readonly score: number;
    readonly mark: { readonly value: number; readonly relative: boolean };
    readonly regions: readonly {
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly peak: number;
    }[];
    readonly map: { readonly width: number; readonly height: number; readonly values: readonly number[] };
  }[];
}

export const numbers = async (page: Page, button = 'button:has-text("Numbers")'): Promise<SavedNumbers> =>
  JSON.parse((await saved(page, button)).bytes.toString()) as SavedNumbers;

/** How often waiting looks, in milliseconds. Playwright looks at every frame, and has the page draw one each time. */
const polling = 50;

/** Makes a change after which photographs are inspected again, and waits until so many are done. */
export async function inspectedAgain(
  page: Page,
  count: number,
  change: () => Promise<unknown>,
): Promise<void> {
  // At every frame: a tiny CLIP is soon done.
  const begun = page.waitForFunction(() => document.querySelector('.thumb[data-state=working]') !== null);
  await change();
  await begun;
  await inspected(page, count);
}

/** Waits until so many photographs are done. */
export const inspected = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((n) => document.querySelectorAll('.thumb[data-state=done]').length === n, count, {
    polling,
  });
