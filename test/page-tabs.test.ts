// The page in two tabs: what becomes of the work when the one that keeps it is closed.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { tile } from './page/images.ts';
import { listen, said } from './page/said.ts';
import { inspected, openPageSite, type PageSite, visit, written } from './page/site.ts';
import { tinyWeights } from './page/tiny-weights.ts';

const names = (page: Page) =>
  page.locator('.filmstrip .thumb').evaluateAll((all) => all.map((thumb) => thumb.getAttribute('title')));
const badges = (page: Page) => page.locator('.filmstrip .badge').allInnerTexts();

describe.skipIf(!hasChromium())('the page in two tabs', () => {
  let site: PageSite;
  beforeAll(async () => {
    site = await openPageSite(await tinyWeights());
  });
  afterAll(() => site?.close());

  test('the second one takes the work over when the first is closed: both of their photographs and images, kept from then on', async () => {
    const { page: first, context, complaints } = await visit(site, { reducedMotion: 'reduce' });
    await first.click('nav >> text=Train');
    await first.setInputFiles('.train input[accept="image/*"]', await tile('a.png', { seed: 4 }));
    await first.waitForSelector('text=1 normal, 0 with a defect');
    await first.click('nav >> text=Inspect');
    await first.setInputFiles('.welcome input[multiple]', [
      await tile('one.png', { seed: 1 }),
      await tile('two.png', { defect: 'crack', seed: 11 }),
    ]);
    await inspected(first, 2);
    const scores = await badges(first);
    await written(first);

    const second = await context.newPage();
    await listen(second);
    await second.goto(site.url);
    await second.waitForSelector('.keeping >> text=This page is open in another tab');
    await second.click('nav >> text=Train');
    await second.setInputFiles('.train input[accept="image/*"]', await tile('b.png', { seed: 5 }));
    await second.waitForSelector('text=1 normal, 0 with a defect');
    await second.click('nav >> text=Inspect');
    await second.setInputFiles('.welcome input[multiple]', await tile('three.png', { seed: 3 }));
    await inspected(second, 1);
    const own = await badges(second);
    await first.close();

    await second.waitForSelector('.keeping >> text=The other tab was closed');
    const all = ['one.png', 'two.png', 'three.png'];
    expect(await names(second)).toEqual(all);
    expect(await badges(second)).toEqual([...scores, ...own]);
    await expect
      .poll(async () => (await said(second)).join(' '))
      .toContain('this one keeps the work from now on');
    // The maps came along.
    await second.click('.thumb[title="two.png"]');
    await second.waitForSelector('.stage[data-state=done] .hot:not([hidden])', { state: 'attached' });
    await second.locator('.keeping').getByRole('button', { name: 'Close' }).click();
    expect(await second.locator('.keeping').isVisible()).toBe(false);
    await written(second);

    await second.reload();
    await inspected(second, 3);
    expect(await names(second)).toEqual(all);
    expect(await badges(second)).toEqual([...scores, ...own]);
    await second.click('.thumb[title="three.png"]');
    await second.waitForSelector('.stage[data-state=done] .hot:not([hidden])', { state: 'attached' });
    expect(await second.locator('.keeping').isVisible()).toBe(false);
    await second.click('nav >> text=Train');
    await second.waitForSelector('text=2 normal, 0 with a defect');
    expect(complaints).toEqual([]);
    await context.close();
  });
});
