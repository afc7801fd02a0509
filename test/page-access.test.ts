// axe-core on every state of the page: names, roles, contrast, structure; light and dark, desktop and 320 pixels.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { type PageHub, startPageHub } from '../testing/page-hub.ts';
import { violations, violationsInAllLooks } from './page/axe.ts';
import { mask, noImage, tile } from './page/images.ts';
import {
  inspected,
  inspectedAgain,
  openPageSite,
  type PageSite,
  setLimit,
  shareVisit,
  visit,
} from './page/site.ts';
import { tinyWeights } from './page/tiny-weights.ts';

const clean = async (page: Page, state: string) =>
  expect.soft(await violationsInAllLooks(page), state).toEqual([]);

describe.skipIf(!hasChromium())('the page: what axe finds', () => {
  let site: PageSite;
  let hub: PageHub;
  beforeAll(async () => {
    site = await openPageSite(await tinyWeights());
    hub = await startPageHub({ 'openai/clip-vit-base-patch32/model.safetensors': new Uint8Array(64) });
  });
  afterAll(async () => {
    await shared.close();
    await hub?.close();
    await site?.close();
  });
  const open = () => visit(site, { reducedMotion: 'reduce', permissions: ['camera'] });
  const shared = shareVisit(open);
  const withSample = async () => {
    const { page } = await shared.begin();
    await page.click('.sample');
    await inspected(page, 1);
    return page;
  };
  const removeLimit = async (page: Page) => {
    await page.click('section[aria-labelledby=limit-heading] >> text=Remove');
    await page.waitForSelector('section[aria-labelledby=limit-heading] >> text=None yet');
  };
  const failAlways = async (page: Page) => {
    await setLimit(page, '0');
    await page.waitForSelector('.thumb[data-verdict=fail]');
  };

  test('welcome, work, result, error', async () => {
    const { page } = await shared.begin();
    await clean(page, 'welcome');
    await page.click('.sample');
    await page.waitForSelector('.progress:visible progress');
    expect.soft(await violations(page), 'working').toEqual([]);
    await inspected(page, 1);
    await clean(page, 'result');
    await page.setInputFiles('input[multiple]', noImage());
    await page.waitForSelector('[role=alert]:visible');
    await clean(page, 'error');
    // The check itself: a button without a name, and a page that is too wide.
    await page.evaluate(() => {
      const button = document.createElement('button');
      button.className = 'unnamed';
      button.style.width = '2000px';
      document.querySelector('main')!.append(button);
    });
    const found = (await violationsInAllLooks(page)).join();
    expect(found).toMatch(/dark, 320 px: button-name: .unnamed/);
    expect(found).toMatch(/light, 1280 px: the page is 2\d\d\d px wide/);
    await page.locator('.unnamed').evaluate((button) => button.remove());
  });

  test('verdict, zoom, tiles, what can be undone, take it along', async () => {
    const page = await withSample();
    await page.click('text=Set by hand');
    await clean(page, 'limit by hand');
    await page.getByLabel('Fails from').fill('0');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.waitForSelector('.thumb[data-verdict=fail]');
    await page.click('.stage [aria-label="Zoom in"]');
    await page.click('input[value=slider] + svg');
    await clean(page, 'verdict, zoomed, undo');
    await inspectedAgain(page, 1, () => page.getByLabel('Look at').selectOption('2'));
    await clean(page, 'tiles');
    await page.getByLabel('Look at').selectOption('');
    await inspected(page, 1);
    await removeLimit(page);
  });

  test('calibration', async () => {
    const page = await withSample();
    await page.click('section[aria-labelledby=limit-heading] >> text=Calibrate on good parts');
    await clean(page, 'nothing yet');
    await page.setInputFiles('dialog input[multiple]', [await tile('good.png', { seed: 5 }), noImage()]);
    await page.click('dialog >> text=/Take the .* shown here as good/');
    await page.waitForSelector('dialog >> text=2 good photographs,');
    await page.waitForSelector('dialog >> text=broken.png is not an image');
    await clean(page, 'a limit');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
  });

  test('live', async () => {
    const page = await withSample();
    await failAlways(page);
    await page.click('.toolbar >> text=Live');
    await page.waitForSelector('.live-stills li');
    await clean(page, 'live');
    await page.click('.live >> text=Stop');
    await page.waitForSelector('dialog', { state: 'detached' });
    await removeLimit(page);
  });

  test('gallery and painter', async () => {
    const { page, context } = await open();
    await page.click('nav >> text=Train');
    await clean(page, 'empty');
    await page.setInputFiles('.train input[accept="image/*"]', [await tile('a.png'), noImage()]);
    await page.waitForSelector('text=1 that cannot be read');
    await clean(page, 'gallery');
    await page.click('.gallery .thumb[title="a.png"]');
    await page.waitForSelector('dialog canvas:focus');
    await page.keyboard.press('Space');
    await page.click('dialog summary');
    await page.locator('dialog canvas').focus();
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog >> text=Drop what you painted?');
    await clean(page, 'painter');
    await context.close();
  });

  test('training, and what it came to', async () => {
    const { page } = await shared.begin();
    await page.click('nav >> text=Train');
    // So many of a kind that one is set aside.
    const pairs = [1, 2, 3, 4, 5].flatMap((seed) => [
      tile(`${seed}.png`, { defect: 'crack', seed }),
      mask(`${seed}_mask.png`),
      tile(`good-${seed}.png`, { seed }),
    ]);
    await page.setInputFiles('.train input[accept="image/*"]', await Promise.all(pairs));
    await page.waitForSelector('text=5 normal, 5 with a defect');
    await page.getByLabel('Epochs').fill('2');
    await page.getByLabel('Images a step').fill('8');
    await page.click('text=Start training');
    // At once: such steps are short. The one under way is still done.
    await page.click('.monitor >> text=Pause');
    await page.waitForSelector('text=Paused');
    await page.waitForFunction(() => /Step \d/.test(document.querySelector('.monitor')!.textContent!));
    await clean(page, 'a run');
    await page.click('.monitor >> text=Continue');
    await page.waitForSelector('text=that the run never saw');
    await clean(page, 'before and after');
  });

  test('model: known CLIPs, a download that fails, what is stored', async () => {
    const page = await withSample();
    await page.click('nav >> text=Model');
    await page.click('summary >> text=Where from');
    await clean(page, 'known CLIPs');
    await page.getByLabel('Hub', { exact: true }).fill(hub.url);
    await page.click('text=Use this hub');
    await page.getByRole('button', { name: /: ViT-B\/32$/ }).click();
    await page.waitForSelector('[role=alert] >> text=is not the file that was expected');
    await clean(page, 'not what its name promises');
  });
});
