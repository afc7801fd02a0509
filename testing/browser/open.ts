import path from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { sharedDir } from '../shared.ts';
import { bundle } from './bundle.ts';
import { testBrowser } from './chromium.ts';
import { openSite, type Site } from './site.ts';
import { slowAsAsked } from './slow.ts';

const root = process.cwd();

let bundles: ReturnType<typeof bundle> | undefined;

/** A site with the tests' page (`/index.html`) and worker, the repository's weights and the shared folder. */
export async function openTestSite(): Promise<Site> {
  const site = await openSite({ '/weights/': path.join(root, 'weights'), '/shared/': sharedDir });
  bundles ??= bundle({ pages: 'test/browser/pages/index.ts', worker: 'test/browser/pages/worker.ts' });
  for (const [name, bytes] of await bundles) site.files.set(name, bytes);
  site.files.set(
    '/index.html',
    '<!doctype html><title>test</title><script type="module" src="/pages.js"></script>',
  );
  return site;
}

/** @param options boundsChecks: as `testBrowser` has it */
export async function newContext(options: { boundsChecks?: boolean } = {}): Promise<BrowserContext> {
  const context = await (await testBrowser(options)).newContext();
  await slowAsAsked(context);
  return context;
}

export interface TestPage {
  readonly page: Page;
  /** What the page said on the console as an error, violations of the policy included. */
  readonly complaints: string[];
  /** Closes the page, and its context. */
  close(): Promise<void>;
}

/** Opens the tests' page in a context. */
export async function openPage(context: BrowserContext, site: Site): Promise<TestPage> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${site.url}/index.html`);
  await page.waitForFunction(() => 'pages' in globalThis);
  return { page, complaints, close: () => context.close() };
}
