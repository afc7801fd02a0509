// Faults that people met in "Inspect", each through the page as they met it.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { noImage, textFile, tile } from './page/images.ts';
import { listen, said } from './page/said.ts';
import {
  inspected,
  numbers,
  openPageSite,
  type PageSite,
  phone,
  saved,
  shareVisit,
  visit,
  written,
} from './page/site.ts';

const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement!;
    return element === document.body ? 'body' : (element.getAttribute('aria-label') ?? element.textContent!);
  });
const thumb = (page: Page, name: string) => page.locator(`.thumb[title="${name}"]`);

describe.skipIf(!hasChromium())('the page: faults in Inspect', () => {
  let site: PageSite;
  beforeAll(async () => {
    site = await openPageSite();
  });
  afterAll(async () => {
    await shared.close();
    await site?.close();
  });
  const shared = shareVisit(() => visit(site));

  test('what is said: the verdict with its own place, each phase once, the end of a batch, verdicts that change', async () => {
    const { page, context } = await visit(site, {}, listen);
    await page.click('nav >> text=Train');
    await page.click('nav >> text=Model');
    await page.click('nav >> text=Inspect');
    const files = await Promise.all(
      Array.from({ length: 4 }, (_, i) =>
        tile(`part-${i}.png`, { seed: i + 1, defect: i % 2 ? 'crack' : null }),
      ),
    );
    await page.setInputFiles('.welcome input[multiple]', [...files, noImage()]);
    await inspected(page, 4);
    await page.waitForSelector('.thumb[data-state=failed]');
    await page.waitForFunction(() =>
      document.getElementById('announcer')!.textContent!.includes('photographs inspected'),
    );
    const all = await said(page);
    const count = (pattern: RegExp) => all.filter((text) => pattern.test(text)).length;
    // Views that were opened show their own progress; it is said once.
    expect(count(/Reading the model|Downloading the model/)).toBe(1);
    expect(count(/Computing|Starting/)).toBe(0);
    expect(all.join('\n')).toMatch(/5 photographs inspected\. .*1 could not be read/);
    // Three views ago it was twenty lines.
    expect(all.length).toBeLessThan(9);

    for (const name of ['part-1.png', 'part-2.png', 'part-3.png']) {
      const before = (await said(page)).length;
      await thumb(page, name).click();
      await page.waitForFunction(
        ([n, title]) => {
          const { said } = globalThis as unknown as { said: string[] };
          return said.slice(n as number).some((text) => text.startsWith(title as string));
        },
        [before, name] as const,
      );
      const text = (await said(page)).slice(before).join(' ');
      const place = await page.locator('ol.regions .place').first().textContent();
      const reading = await page.locator('.reading').first().textContent();
      expect(text).toContain(reading!);
      const [, where] = /strongest sign is (?:at|in) the ([a-z ]+)\./.exec(text) ?? [];
      if (where) expect(place!.toLowerCase()).toContain(where);
    }
    await context.close();
  });

  test('after cancelling, "Inspect it" inspects that one; the others on demand', async () => {
    const { page } = await shared.begin();
    const files = await Promise.all([1, 2, 3].map((seed) => tile(`${seed}.png`, { seed })));
    await page.setInputFiles('.welcome input[multiple]', files);
    await page.click('.progress:visible >> text=Cancel');
    await page.waitForSelector('text=Stopped before this photograph was done');
    // The button went away under the keyboard.
    await page.waitForFunction(() => document.activeElement !== document.body);
    await page.click('text=Inspect it');
    await page.waitForFunction(() => document.activeElement !== document.body);
    await page.waitForSelector('.thumb[title="1.png"][data-state=done]');
    expect(await page.locator('.thumb[data-state=stopped]').count()).toBe(2);
    // From one that is done, too.
    await page.waitForSelector('.messages >> text=Stopped before 2 photographs were done');
    await thumb(page, '3.png').click();
    await page.click('text=Inspect all 2 that are left');
    await inspected(page, 3);
  });

  test('stretched colours belong to one photograph, by themselves and by choice', async () => {
    const { page } = await shared.begin();
    const stretch = page.getByLabel('Stretch colours to this photograph');
    await page.setInputFiles('.welcome input[multiple]', await tile('photograph.png'));
    await inspected(page, 1);
    expect(await stretch.isChecked()).toBe(true);
    await page.click('text=Start over');
    await page.click('.sample:has-text("Flawless")');
    await inspected(page, 1);
    expect(await stretch.isChecked()).toBe(false);
    await page.waitForSelector('text=Nothing reaches the mark');
    expect(await page.locator('.label').count()).toBe(0);
    // By hand, for this one.
    await stretch.check();
    await page.waitForSelector('.label');
    expect((await numbers(page)).images[0]!.mark.relative).toBe(true);
    await page.setInputFiles('input[multiple]', await tile('second.png', { seed: 4 }));
    await inspected(page, 2);
    await stretch.uncheck();
    await thumb(page, 'flawless-wood.png').click();
    expect(await stretch.isChecked()).toBe(true);
  });

  test('files: another kind is named, the JSON is named after what came out, its mark is no limit', async () => {
    const { page } = await shared.begin();
    await page.setInputFiles('.welcome input[multiple]', textFile());
    await page.waitForSelector('.welcome >> text=notes.txt is not an image');
    await page.setInputFiles('.welcome input[multiple]', [
      noImage('a-bad.png'),
      await tile('b-good.png'),
      textFile(),
    ]);
    await inspected(page, 1);
    await page.waitForSelector('.workbench >> text=notes.txt is not an image and was left out');
    await thumb(page, 'b-good.png').click();
    const file = await saved(page, 'text=Save numbers of all');
    expect(file.name).toBe('b-good.scores.json');
    const content = JSON.parse(file.bytes.toString());
    expect(content.threshold).toBeUndefined(); // nobody calibrated
    expect(content.images).toHaveLength(1);
    expect(content.images[0].threshold).toBeUndefined();
    expect(content.images[0].mark.value).toBeGreaterThan(0);
    expect(content.failed[0].image).toBe('a-bad.png');

    // Words for people; the library's own are folded away.
    await thumb(page, 'a-bad.png').click();
    const alert = page.locator('[role=alert]:visible');
    expect(await alert.innerText()).toContain('a-bad.png is not an image that this browser can read');
    expect(await alert.innerText()).not.toMatch(/expected|found/);
  });

  test('thumbnails: one stop for Tab, arrows and Delete; undo; the focus never falls to the body', async () => {
    const { page } = await shared.begin();
    const files = await Promise.all([1, 2, 3].map((seed) => tile(`${seed}.png`, { seed })));
    await page.setInputFiles('.welcome input[multiple]', files);
    await inspected(page, 3);
    expect(await page.locator('.filmstrip button:not([tabindex="-1"])').count()).toBe(1);
    await thumb(page, '1.png').focus();
    await page.keyboard.press('ArrowRight');
    expect(await focused(page)).toMatch(/^2\.png/);
    expect(await thumb(page, '2.png').getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('End');
    expect(await focused(page)).toMatch(/^3\.png/);
    await page.keyboard.press('Home');
    await page.keyboard.press('Delete');
    await page.waitForFunction(() => document.activeElement?.getAttribute('title') === '2.png');
    expect(await page.locator('.thumb').count()).toBe(2);
    await page.keyboard.press('Control+z');
    await page.waitForFunction(() => document.querySelectorAll('.thumb').length === 3);
    expect(await page.locator('.thumb').first().getAttribute('title')).toBe('1.png');
    expect(await page.locator('.thumb[data-state=done]').count()).toBe(3);

    await thumb(page, '2.png').hover();
    await page.click('.dismiss[aria-label="Remove 2.png"]');
    await page.waitForFunction(() => document.activeElement?.matches('.thumb'));
    await page.click('text=Start over');
    await page.waitForFunction(() => document.activeElement?.matches('h1'));
    await page.click('.undo-bar >> text=Undo');
    await page.waitForFunction(() => document.querySelectorAll('.thumb[data-state=done]').length === 2);

    // Left and right from anywhere else.
    await page.locator('h1:visible').focus();
    await page.keyboard.press('ArrowRight');
    expect(await thumb(page, '3.png').getAttribute('aria-pressed')).toBe('true');
  });

  test('320 pixels: nothing is cut off and no word is broken; a double click selects no number', async () => {
    const { page, context } = await visit(site, { ...phone, viewport: { width: 320, height: 640 } });
    for (const view of ['Inspect', 'Train', 'Model']) {
      await page.click(`nav >> text=${view}`);
      await page.waitForSelector('h1:visible');
      expect(await page.evaluate(() => document.documentElement.scrollWidth), view).toBe(320);
      expect(await brokenWords(page), view).toEqual([]);
    }
    await page.click('nav >> text=Inspect');
    await page.click('.sample');
    await inspected(page, 1);
    await page.waitForSelector('.label');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    expect(await brokenWords(page)).toEqual([]);
    await page.locator('.frame').last().dblclick();
    expect(await page.evaluate(() => String(getSelection()))).toBe('');
    await context.close();
  });

  test('work of the day is there after a reload: photographs, results, order; Start over forgets it', async () => {
    // On the shared page the last two: a reload closes the model.
    const { page, context } = await shared.begin();
    const files = await Promise.all([1, 2].map((seed) => tile(`${seed}.png`, { seed })));
    await page.setInputFiles('.welcome input[multiple]', [...files, noImage()]);
    await inspected(page, 2);
    await page.waitForSelector('.thumb[data-state=failed]');
    await page.click('input[value=side] + svg');
    const before = await numbers(page, 'text=Save numbers of all');
    await written(page);
    await page.reload();
    await inspected(page, 2);
    expect(await page.locator('.thumb[data-state=failed]').count()).toBe(1);
    expect(await page.locator('.stage').getAttribute('data-view')).toBe('side');
    await page.waitForSelector('.lines .line[d^=M]', { state: 'attached' });
    expect((await numbers(page, 'text=Save numbers of all')).images).toEqual(before.images);
    // A second tab works beside it and keeps nothing.
    const other = await context.newPage();
    await other.goto(site.url);
    await other.waitForSelector('.sample');
    expect(await other.locator('.thumb').count()).toBe(0);
    await other.close();
    await page.click('text=Start over');
    await written(page);
    await page.reload();
    await page.waitForSelector('.sample');
    expect(await page.locator('.thumb').count()).toBe(0);
  });

  test('an address that ends in #main, the skip link’s, shows the first view', async () => {
    const { page } = await shared.begin();
    await page.goto(`${site.url}#main`);
    await page.reload();
    await page.waitForSelector('h1:visible');
    expect(await page.locator('h1:visible').textContent()).toContain('Find the defect');
  });
});

/** Words that are cut in two by a line's end: their characters lie on more than one line. */
const brokenWords = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const broken: string[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement!;
      if (!element.checkVisibility() || element.closest('.visually-hidden, script, option')) continue;
      for (const { 0: word, index } of node.textContent!.matchAll(/[\p{L}\p{N}]{2,}/gu)) {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        const tops = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
        // Long names of files may break: nothing else can be done with them.
        if (tops.size > 1 && word.length < 20) broken.push(word);
      }
    }
    return broken;
  });
