// axe-core on every state of the page: names, roles, contrast, structure; light and dark, desktop and phone.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { inspected, openPageSite, type PageSite, phone, visit } from './page/site.ts';

const { resolve } = createRequire(import.meta.url);

/** What axe finds, one line per rule and element; by the debugger, which the page's policy does not bind. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(resolve('axe-core/axe.min.js'), 'utf8'));
  const { violations: found } = (await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] })",
  )) as AxeResults;
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  );
}

const broken = { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('no image') };

describe.skipIf(!hasChromium())('the page: what axe finds', () => {
  let site: PageSite;
  beforeAll(async () => {
    site = await openPageSite();
  });
  afterAll(() => site?.close());

  test.each([
    ['light', 'desktop'],
    ['dark', 'desktop'],
    ['light', 'phone'],
    ['dark', 'phone'],
  ] as const)('nothing: %s, %s', async (colorScheme, screen) => {
    const { page, context } = await visit(site, {
      colorScheme,
      reducedMotion: 'reduce',
      ...(screen === 'phone' ? phone : {}),
    });
    expect.soft(await violations(page), 'empty').toEqual([]);
    await page.click('.sample');
    await page.waitForSelector('.progress:visible progress');
    expect.soft(await violations(page), 'working').toEqual([]);
    await inspected(page, 1);
    expect.soft(await violations(page), 'result').toEqual([]);
    await page.setInputFiles('input[multiple]', broken);
    await page.waitForSelector('[role=alert]:visible');
    expect.soft(await violations(page), 'error').toEqual([]);
    for (const view of ['Train', 'Model']) {
      await page.click(`nav >> text=${view}`);
      expect.soft(await violations(page), view).toEqual([]);
    }
    // The check itself: a button without a name.
    await page.evaluate(() => {
      const button = document.createElement('button');
      button.className = 'unnamed';
      document.querySelector('main')!.append(button);
    });
    expect((await violations(page)).join()).toMatch(/button-name: .unnamed/);
    await context.close();
  });
});
