import { readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drawImage } from '../src/data/synth/draw.ts';
import { Detector } from '../src/detector/index.node.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { slowDown } from '../testing/browser/slow.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';
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

const files = {
  clip: 'weights/small-clip.safetensors',
  prompts: 'weights/small-prompts.safetensors',
} as const;

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};

describe.skipIf(!hasChromium())('the page: inspect', () => {
  let site: PageSite;
  beforeAll(async () => {
    site = await openPageSite();
  });
  afterAll(async () => {
    await shared.close();
    await site?.close();
  });
  const shared = shareVisit(() => visit(site));

  test('a generated sample, by keyboard alone: as Node sees it; views; files; nothing from elsewhere', async () => {
    const { page, complaints, requests } = await shared.begin();
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toBe('Skip to content');
    await page.waitForFunction(() =>
      [...document.querySelectorAll<HTMLImageElement>('.sample img')].every((img) => img.naturalWidth > 0),
    );
    for (let i = 0; i < 12; i += 1) {
      await page.keyboard.press('Tab');
      if ((await page.locator(':focus').textContent()) === 'Cracked tile') break;
    }
    await page.keyboard.press('Enter');
    await page.waitForSelector('.progress:visible progress');
    await inspected(page, 1);

    const verdict = page.locator('section[aria-label=Verdict]');
    expect(await verdict.locator('h2').textContent()).not.toBe('');
    // Read to a screen reader, with the score.
    await page.waitForFunction(() =>
      /score \d\.\d\d of 1/.test(document.getElementById('announcer')!.textContent!),
    );
    expect(await page.locator('ol.regions li').count()).toBeGreaterThan(0);
    expect(await page.locator('.lines .line').getAttribute('d')).toMatch(/^M/);

    // Arrow keys choose a view.
    await page.focus('input[value=overlay]');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('.stage').getAttribute('data-view')).toBe('slider');
    await page.focus('.split');
    const clip = () => page.locator('.hot').evaluate((hot) => getComputedStyle(hot).clipPath);
    const before = await clip();
    await page.keyboard.press('ArrowLeft');
    expect(await clip()).not.toBe(before);

    const { image } = drawImage('tile', 'crack', { seed: 11, size: 256 });
    const node = await Detector.load(files);
    const expected = await node.detect(image);
    node.close();
    const {
      images: [found],
    } = await numbers(page);
    expect(found!.image).toBe('cracked-tile.png');
    expect(Math.abs(found!.score - expected.score)).toBeLessThan(1e-4);
    expect(distance(found!.map.values, expected.map.data)).toBeLessThan(1e-4);
    const peak = Math.max(...found!.map.values);
    expect(found!.regions[0]!.peak).toBeCloseTo(peak, 5);
    expect(found!.mark.value).toBeLessThan(peak);

    const picture = await saved(page, 'button:has-text("Picture")');
    expect(picture.name).toBe('cracked-tile.heatmap.png');
    const { data, info } = await sharp(picture.bytes)
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([256, 256]);
    expect(distance(data, image.data)).toBeGreaterThan(50);

    expect(complaints).toEqual([]);
    expect(requests.length).toBeGreaterThan(5);
    expect(requests.filter((address) => !address.startsWith(site.url))).toEqual([]);
  });

  test.skipIf(!hasShared('data/magnetic_tile/meta.json'))(
    'real photographs, with a bad file among them',
    async () => {
      const folder = sharedPath('data/magnetic_tile/magnetic_tile/test/blowhole');
      const [first, second] = readdirSync(folder)
        .filter((name) => name.endsWith('.jpg'))
        .map((name) => ({ name, mimeType: 'image/jpeg', buffer: readFileSync(`${folder}/${name}`) })) as [
        { name: string; mimeType: string; buffer: Buffer },
        { name: string; mimeType: string; buffer: Buffer },
      ];
      const broken = { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('no image') };
      const { page } = await shared.begin();
      await page.setInputFiles('.welcome input[multiple]', [first, broken, second]);
      await inspected(page, 2);
      await page.click('.thumb[title="broken.png"]');
      expect(await page.locator('[role=alert]:visible').textContent()).toContain('broken.png');

      await page.click(`.thumb[title="${first.name}"]`);
      const { images } = await numbers(page, 'text=Save numbers of all');
      const node = await Detector.load(files);
      for (const [i, { name, buffer }] of [first, second].entries()) {
        const expected = await node.detect(buffer);
        expect(images[i]!.image).toBe(name);
        expect(Math.abs(images[i]!.score - expected.score)).toBeLessThan(1e-4);
        expect(distance(images[i]!.map.values, expected.map.data)).toBeLessThan(1e-4);
        expect([images[i]!.width, images[i]!.height]).toEqual([expected.image.width, expected.image.height]);
      }
      node.close();
    },
  );

  test('a cancelled job can be taken up again; a file of prompts that is none is refused by name', async () => {
    const { page, context, complaints } = await visit(site);
    await page.click('.sample');
    await page.click('.progress:visible >> text=Cancel');
    await page.waitForSelector('text=Stopped before this photograph was done');
    await page.click('text=Inspect it');
    await inspected(page, 1);

    await page.click('nav >> text=Model');
    expect(await page.locator('h1:focus').textContent()).toBe('Model');
    await page.setInputFiles('input[accept=".safetensors"]', {
      name: 'other.safetensors',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from('this is no file of tensors'),
    });
    const alert = page.locator('[role=alert]:visible');
    await alert.waitFor();
    expect(await alert.textContent()).toContain('These prompts cannot be used');
    expect(await alert.textContent()).toContain('other.safetensors');
    expect(await page.locator('.facts').textContent()).toContain('General prompts');

    // What is stored is listed and can be removed.
    const stored = page.locator('.stored li', { hasText: 'small-clip.safetensors' });
    await stored.waitFor();
    expect(await stored.textContent()).toMatch(/\d MB/);
    await stored.getByRole('button').click();
    await stored.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('without WebGPU: which browsers have it', async () => {
    const { page, context } = await visit(site, {}, (page) =>
      page.addInitScript(() => {
        delete (Navigator.prototype as { gpu?: unknown }).gpu;
      }),
    );
    const text = await page.locator('main').textContent();
    for (const expected of ['This browser has no WebGPU', 'Chrome and Edge', 'Safari', 'Firefox'])
      expect(text).toContain(expected);
    await context.close();
  });

  test('360 pixels wide: nothing is cut off sideways in any view', async () => {
    const { page, context } = await visit(site, phone);
    for (const view of ['Inspect', 'Train', 'Model']) {
      await page.click(`nav >> text=${view}`);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), view).toBe(360);
    }
    await context.close();
  });

  test('opens without a network after the first visit', async () => {
    const { page, context } = await visit(site, { serviceWorkers: 'allow' });
    await page.click('.sample');
    await inspected(page, 1);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await written(page);
    await context.setOffline(true);
    await page.reload();
    // Kept from before; and computed anew.
    await inspected(page, 1);
    await page.click('text=Start over');
    await page.click('.sample');
    await inspected(page, 1);
    await context.close();
  });

  test.each([
    ['on a desk', {}],
    ['on a phone', phone],
  ])('%s: nothing moves when the place of the strongest sign becomes known', async (_, options) => {
    const { page, context } = await visit(site, options);
    await slowDown(context, ['workers'], 400);
    await page.reload();
    await page.waitForSelector('[data-ready]');
    // At every frame from the first verdict on: how far the limit is below its verdict, and whether the place is known.
    const seen = await page.evaluateHandle(() => {
      const list: { below: number; placed: boolean }[] = [];
      const look = () => {
        const [card, limit] = ['.verdict', '[aria-labelledby=limit-heading]'].map((name) =>
          document.querySelector(name)?.getBoundingClientRect(),
        );
        if (card?.height)
          list.push({
            below: limit!.top - card.top,
            placed: document.querySelector('.verdict .reading')!.textContent!.includes('The strongest sign'),
          });
        requestAnimationFrame(look);
      };
      look();
      return list;
    });
    await page.click('.sample:has-text("Cracked tile")');
    await page.waitForFunction((list) => list.at(-1)?.placed, seen);
    const frames = await seen.jsonValue();
    expect(frames[0]!.placed).toBe(false);
    expect(new Set(frames.map(({ below }) => Math.round(below))).size).toBe(1);
    await context.close();
  });
});
