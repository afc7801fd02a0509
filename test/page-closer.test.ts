// Looking closer: zoom and pan with map and regions in step, tiles; and the camera's stream.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { tile } from './page/images.ts';
import { inspected, numbers, openPageSite, type PageSite, shareVisit, visit } from './page/site.ts';

const percent = (page: Page) => page.locator('.stage .zoom .amount').textContent();
/** Where photograph, map and regions are drawn. */
const panes = (page: Page) =>
  page.locator('.stage .pane').evaluateAll((all) =>
    all
      .filter((pane) => pane.checkVisibility())
      .map((pane) => {
        const { x, y, width } = pane.getBoundingClientRect();
        const frame = pane.closest('.frame')!.getBoundingClientRect();
        return [x - frame.x, y - frame.y, width / frame.width].map((value) => Math.round(100 * value) / 100);
      }),
  );

describe.skipIf(!hasChromium())('the page: a closer look, and live', () => {
  let site: PageSite;
  beforeAll(async () => {
    site = await openPageSite();
  });
  afterAll(async () => {
    await shared.close();
    await site?.close();
  });
  const shared = shareVisit(() => visit(site));

  test('wheel, keys, drag, double click and pinch move photograph, map and regions together', async () => {
    const { page, context, complaints } = await shared.begin();
    await page.setInputFiles(
      '.welcome input[multiple]',
      await tile('large.png', { defect: 'crack', seed: 11, size: 640 }),
    );
    await inspected(page, 1);
    await page.click('input[value=side] + svg');
    const frame = page.locator('.stage .frame').last();
    const box = (await frame.boundingBox())!;
    await page.mouse.move(box.x + box.width / 4, box.y + box.height / 4);
    await page.mouse.wheel(0, -400);
    await expect.poll(() => percent(page)).not.toBe('100 %');
    const zoomed = await panes(page);
    expect(zoomed).toHaveLength(3); // photograph alone; photograph below the map; map
    expect(new Set(zoomed.map(String)).size).toBe(1);
    expect(zoomed[0]![2]).toBeGreaterThan(1.5);
    // What was below the pointer still is.
    const [x, , scale] = zoomed[0]!;
    expect((box.width / 4 - x!) / (box.width * scale!)).toBeCloseTo(0.25, 1);

    await frame.focus();
    await page.keyboard.press('ArrowRight');
    expect((await panes(page))[0]![0]).toBeLessThan(x!);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 4, { steps: 4 });
    await page.mouse.up();
    expect((await panes(page))[0]![0]).toBeGreaterThan(-box.width * scale! + box.width);
    await page.keyboard.press('0');
    expect(await percent(page)).toBe('100 %');
    await page.keyboard.press('+');
    expect(await percent(page)).toBe('150 %');
    await frame.dblclick();
    expect(await percent(page)).toBe('100 %');
    await frame.dblclick();
    expect(Number.parseInt((await percent(page))!, 10)).toBeGreaterThan(200);
    // Up to the photograph's own pixels and, as it is small, beyond.
    for (let i = 0; i < 12; i += 1) await page.keyboard.press('+');
    expect(await percent(page)).toBe('800 %');
    await page.click('[aria-label="Whole picture"]');

    // Two fingers apart.
    const session = await context.newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', distance: number) =>
      session.send('Input.dispatchTouchEvent', {
        type,
        touchPoints:
          type === 'touchEnd'
            ? []
            : [-1, 1].map((side, id) => ({
                x: box.x + box.width / 2 + (side * distance) / 2,
                y: box.y + box.height / 2,
                id,
              })),
      });
    await touch('touchStart', 40);
    for (const distance of [60, 80, 100, 120]) await touch('touchMove', distance);
    await touch('touchEnd', 0);
    await expect.poll(async () => Number.parseInt((await percent(page))!, 10)).toBeGreaterThan(200);
    expect(complaints).toEqual([]);
  });

  test('tiles: a map of the whole, scores by the worst tile, a limit of their own', async () => {
    const { page, complaints } = await shared.begin();
    await page.setInputFiles(
      '.welcome input[multiple]',
      await tile('part.png', { defect: 'crack', seed: 11, size: 320 }),
    );
    await inspected(page, 1);
    const [whole] = (await numbers(page)).images;
    await page.getByLabel('Look at').selectOption('2');
    await page.waitForSelector('.thumb[data-state=working]');
    await inspected(page, 1);
    await page.waitForSelector('.lines .line[d^=M]', { state: 'attached' });
    const [tiled] = (await numbers(page)).images;
    expect([tiled!.map.width, tiled!.map.height]).toEqual([2 * whole!.map.width, 2 * whole!.map.height]);
    expect([tiled!.width, tiled!.height]).toEqual([320, 320]);
    expect(tiled!.map.values.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(tiled!.score).not.toBe(whole!.score);
    await page.reload();
    await inspected(page, 1);
    expect(await page.getByLabel('Look at').inputValue()).toBe('2');
    expect(complaints).toEqual([]);
  });

  test('live: verdict, frame rate, frames that are dropped, the moment that failed', async () => {
    const { page, context, complaints } = await visit(site, { permissions: ['camera'] }, (page) =>
      page.addInitScript(() => {
        const bitmaps: ImageBitmap[] = [];
        const make = globalThis.createImageBitmap as (...given: unknown[]) => Promise<ImageBitmap>;
        Object.assign(globalThis, {
          async createImageBitmap(...given: unknown[]) {
            const bitmap = await make(...given);
            bitmaps.push(bitmap);
            return bitmap;
          },
          // Closed and moved ones have no size.
          openBitmaps: () => bitmaps.filter(({ width }) => width > 0).length,
        });
      }),
    );
    await page.click('.sample');
    await inspected(page, 1);
    await page.click('text=Set by hand');
    await page.getByLabel('Fails from').fill('0');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.click('.toolbar >> text=Live');
    const figures = page.locator('.live-figures');
    await expect.poll(() => figures.innerText(), { timeout: 60_000 }).toMatch(/^[1-9]\d*\.\d|^0\.[1-9]/);
    await expect
      .poll(async () => Number(/(\d+) frames? dropped/.exec(await figures.innerText())![1]), {
        timeout: 60_000,
      })
      .toBeGreaterThan(90);
    expect(await page.locator('.live-verdict').innerText()).toMatch(/^Fail 0\.\d\d$/);
    expect(await page.locator('.live .heat').evaluate((canvas) => (canvas as HTMLCanvasElement).width)).toBe(
      96,
    );
    // Pictures of frames are given back, whatever the garbage collector does.
    expect(
      await page.evaluate(() => (globalThis as unknown as { openBitmaps(): number }).openBitmaps()),
    ).toBeLessThan(3);
    // Failing goes on: one moment, not one a frame.
    expect(await page.locator('.live-stills li').count()).toBe(1);
    await page.click('text=Keep 1 moment that failed');
    await inspected(page, 2);
    expect(await page.locator('.thumb').last().getAttribute('title')).toMatch(/^live-.*\.jpg$/);
    await page.waitForSelector('.live', { state: 'detached' });
    // The camera is off.
    await page.click('.toolbar >> text=Live');
    await page.waitForSelector('.live');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.live', { state: 'detached' });
    expect(complaints).toEqual([]);
    await context.close();
  });
});
