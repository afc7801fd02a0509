// Pass and fail: calibrated on good parts, by hand, on thumbnails, in order, by key, after a reload, in files.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { thresholdFromGood } from '../src/eval/threshold.ts';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { noImage, tile } from './page/images.ts';
import {
  inspected,
  numbers,
  openPageSite,
  type PageSite,
  saved,
  setLimit,
  visit,
  written,
} from './page/site.ts';

const good = (count: number, from = 100) =>
  Promise.all(Array.from({ length: count }, (_, i) => tile(`good-${i}.png`, { seed: from + i })));

describe.skipIf(!hasChromium())('the page: pass and fail', () => {
  let site: PageSite;
  beforeAll(async () => {
    site = await openPageSite();
  });
  afterAll(() => site?.close());

  test('good parts give the limit; verdicts, order, keys, files; kept; by hand; removed', async () => {
    const { page, context, complaints } = await visit(site);
    await page.click('.welcome >> text=Calibrate on good parts');
    await page.setInputFiles('dialog input[multiple]', [...(await good(6)), noImage('torn.png')]);
    await page.waitForSelector('dialog >> text=6 good photographs, scores from');
    await page.waitForSelector('dialog >> text=torn.png is not an image');
    // Six cannot promise five in a hundred, and that is said.
    await expect
      .poll(() => page.locator('dialog .reading').innerText())
      .toMatch(
        /from 6 good photographs, just above all of them: at most 14\s% of further good parts fail.*more than the 5\s%.*takes 19 good photographs/,
      );
    await page.getByLabel('Good parts that may fail').selectOption('0.2');
    await expect
      .poll(() => page.locator('dialog .reading').innerText())
      .toMatch(/at most 14\s% of further good parts fail, as long/);
    await page.click('dialog >> text=Use this limit');

    const parts = [
      ...(await good(3, 300)),
      await tile('cracked.png', { defect: 'crack', seed: 11 }),
      await tile('cracked-too.png', { defect: 'crack', seed: 14 }),
    ];
    await page.setInputFiles('.welcome input[multiple]', parts);
    await inspected(page, 5);
    const all = JSON.parse((await saved(page, 'text=Save numbers of all')).bytes.toString());
    const { scores, rate } = all.limit;
    expect(scores).toHaveLength(6);
    expect(all.threshold).toBe(thresholdFromGood(scores, rate).threshold);
    const fails = all.images.filter(({ score }: { score: number }) => score >= all.threshold);
    for (const { score, anomalous } of all.images) expect(anomalous).toBe(score >= all.threshold);
    expect(fails.length).toBeGreaterThan(0);
    expect(await page.locator('.counts').innerText()).toBe(`${fails.length} of 5 fail.`);
    expect(await page.locator('.thumb[data-verdict=fail]').count()).toBe(fails.length);
    // A sign, not colour alone; and in words.
    expect(await page.locator('.thumb[data-verdict=fail] .badge svg').count()).toBe(fails.length);
    expect(await page.locator('.thumb[data-verdict=fail]').first().getAttribute('aria-label')).toMatch(
      /, Fail, score/,
    );

    await page.getByLabel('Order').selectOption('score');
    const shown = await page
      .locator('.thumb')
      .evaluateAll((list) => list.map((one) => one.getAttribute('title')));
    const worst = [...all.images].sort((a, b) => b.score - a.score).map(({ image }) => image);
    expect(shown).toEqual(worst);
    // From one failure to the next.
    await page.locator('.thumb').last().click();
    await page.locator('h1:visible').focus();
    await page.keyboard.press('Shift+ArrowLeft');
    expect(await page.locator('.thumb[aria-pressed=true]').getAttribute('title')).toBe(
      worst[fails.length - 1],
    );
    expect(await page.locator('section[aria-label=Verdict] h2').textContent()).toBe('Fail');

    // With the prompts, for the command line.
    const { bytes } = await saved(page, 'text=Prompts with this limit');
    const file = await readSafetensors(bytesSource('prompts', new Uint8Array(bytes)));
    expect(JSON.parse(file.metadata.get('threshold')!)).toMatchObject({
      threshold: all.threshold,
      method: 'good',
      good: 6,
    });

    await written(page);
    await page.reload();
    await inspected(page, 5);
    expect(await page.locator('.counts').innerText()).toBe(`${fails.length} of 5 fail.`);
    expect((await numbers(page, 'text=Save numbers of all')).images).toEqual(all.images);

    await setLimit(page, '0');
    await page.waitForFunction(() => document.querySelector('.counts')!.textContent === '5 of 5 fail.');
    await page.click('.undo-bar >> text=Undo');
    await page.waitForFunction(
      (n) => document.querySelector('.counts')!.textContent === `${n} of 5 fail.`,
      fails.length,
    );
    await page.click('section[aria-labelledby=limit-heading] >> text=Remove');
    await page.waitForSelector('section[aria-labelledby=limit-heading] >> text=None yet');
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a page that brings other prompts than at the last visit: neither their limit nor their scores are taken over', async () => {
    const prompts = await readFile('weights/small-prompts.safetensors');
    const hash = createHash('sha256').update(prompts).digest('hex');
    // What the page was before: built with other prompts.
    let [older, changed] = [true, 0];
    const { page, context, complaints } = await visit(site, {}, (page) =>
      page.route(/\.js$/, async (route) => {
        if (!older) return route.continue();
        const response = await route.fetch();
        const script = await response.text();
        changed += script.split(hash).length - 1;
        await route.fulfill({ response, body: script.replaceAll(hash, '0'.repeat(64)) });
      }),
    );
    expect(changed).toBeGreaterThan(0);
    await page.setInputFiles('.welcome input[multiple]', await good(2));
    await inspected(page, 2);
    await setLimit(page, '0');
    await page.waitForFunction(() => document.querySelector('.counts')!.textContent === '2 of 2 fail.');
    await written(page);
    await page.reload();
    await inspected(page, 2);
    await page.waitForFunction(() => document.querySelector('.counts')!.textContent === '2 of 2 fail.');

    older = false;
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll('.thumb').length === 2);
    await page.click('text=Inspect all 2 that are left');
    await inspected(page, 2);
    await page.waitForSelector('section[aria-labelledby=limit-heading] >> text=None yet');
    expect(await page.locator('.thumb[data-verdict=fail]').count()).toBe(0);
    // From now on these are the prompts of the last visit.
    await written(page);
    await page.reload();
    await inspected(page, 2);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
