// Looking closer: zoom and pan with map and regions in step, tiles; and the camera's stream.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Detector } from '../src/detector/index.node.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { distance } from '../testing/browser/fixtures.ts';
import { imageMemory } from '../testing/browser/image-memory.ts';
import { tile } from './page/images.ts';
import {
  inspected,
  inspectedAgain,
  numbers,
  openPageSite,
  type PageSite,
  saved,
  setLimit,
  shareVisit,
  visit,
  written,
} from './page/site.ts';
import { tinyWeights } from './page/tiny-weights.ts';
import { cli } from './train-fixtures.ts';

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

/** Waits until live mode has shown so many more results. */
const computed = (page: Page, count: number): Promise<unknown> =>
  page.locator('.live-figures').evaluate(
    (figures, wanted) =>
      new Promise<void>((resolve) => {
        let seen = 0;
        const watch = new MutationObserver(() => {
          seen += 1;
          if (seen < wanted) return;
          watch.disconnect();
          resolve();
        });
        watch.observe(figures, { childList: true });
      }),
    count,
  );

describe.skipIf(!hasChromium())('the page: a closer look, and live', () => {
  let site: PageSite;
  let tiny: string;
  let dir: string;
  beforeAll(async () => {
    tiny = await tinyWeights();
    site = await openPageSite(tiny);
    dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-page-closer-'));
  });
  afterAll(async () => {
    await shared.close();
    await site?.close();
    await rm(dir, { recursive: true, force: true });
  });
  const shared = shareVisit(() =>
    visit(site, { permissions: ['camera'] }, (page) =>
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
    ),
  );

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

  test('live: verdict, frame rate, frames that are dropped, the moment that failed', async () => {
    const { page, context, complaints } = await shared.begin();
    await page.click('.sample');
    await inspected(page, 1);
    await setLimit(page, '0');
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
    // Pictures of frames are given back, whatever the garbage collector does, by the page and by the browser.
    expect(
      await page.evaluate(() => (globalThis as unknown as { openBitmaps(): number }).openBitmaps()),
    ).toBeLessThan(3);
    const frame = (640 * 480 * 4) / 1e6;
    const before = await imageMemory(context.browser()!);
    await computed(page, 10);
    expect((await imageMemory(context.browser()!)) - before).toBeLessThan(4 * frame);
    // Failing goes on: one moment, not one a frame.
    expect(await page.locator('.live-stills li').count()).toBe(1);
    // A camera that is gone leaves no verdict standing.
    await page.locator('.live video').evaluate((video) => {
      for (const track of ((video as HTMLVideoElement).srcObject as MediaStream).getTracks()) track.stop();
    });
    await page.waitForSelector('.live >> text=The camera was switched off or taken away');
    expect(await page.locator('.live-verdict').innerText()).toBe('No verdict');
    await page.click('text=Keep 1 moment that failed');
    await inspected(page, 2);
    expect(await page.locator('.thumb').last().getAttribute('title')).toMatch(/^live-.*\.jpg$/);
    await page.waitForSelector('.live', { state: 'detached' });
    // The camera is off. What failed is offered once more to whoever just closes.
    await page.click('.toolbar >> text=Live');
    await page.waitForSelector('.live-stills li');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.live', { state: 'detached' });
    await page.click('.undo-bar:has-text("Not kept: 1 moment that failed") >> text=Undo');
    await inspected(page, 3);
    expect(complaints).toEqual([]);
  });

  test('tiles: score and map as library and command line have them, which take limit and tiles over', async () => {
    const part = await tile('part.png', { defect: 'crack', seed: 11, size: 320, height: 240 });
    const file = path.join(dir, part.name);
    await writeFile(file, part.buffer);
    const clip = path.join(tiny, 'small-clip.safetensors');
    const weights = ['--clip', clip, '--no-cache'];
    const shipped = path.join(tiny, 'small-prompts.safetensors');
    const detect = async (...options: string[]) => {
      const { code, out, note } = await cli(['detect', file, ...weights, '--json-lines', ...options]);
      expect([0, 2], note).toContain(code);
      return JSON.parse(out) as { score: number; mapMax: number; anomalous?: boolean };
    };
    const expected = await detect('--prompts', shipped, '--no-threshold', '--tiles', '2');
    const detector = await Detector.load({ clip, prompts: shipped, tiles: 2 });
    const { map } = await detector.detect(file);
    detector.close();

    // On the shared page the last: a reload closes the model.
    const { page, complaints } = await shared.begin();
    await page.setInputFiles('.welcome input[multiple]', part);
    await inspected(page, 1);
    const [whole] = (await numbers(page)).images;
    const look = page.getByLabel('Look at');
    await inspectedAgain(page, 1, () => look.selectOption('2'));
    await page.waitForSelector('.lines .line[d^=M]', { state: 'attached' });
    const [tiled] = (await numbers(page)).images;
    expect(tiled!.score).not.toBe(whole!.score);
    expect(Math.abs(tiled!.score - expected.score)).toBeLessThan(1e-6);
    expect([tiled!.map.width, tiled!.map.height]).toEqual([map.width, map.height]);
    expect(map.width).toBeGreaterThan(map.height); // the photograph's aspect
    expect(distance(tiled!.map.values, map.data)).toBeLessThan(2e-6); // six decimals, two adapters
    expect(Math.abs(Math.max(...map.data) - expected.mapMax)).toBeLessThan(1e-6);

    // A limit of their own, which goes to the command line with the tiles.
    await setLimit(page, '0.123');
    const prompts = path.join(dir, 'tiled.safetensors');
    await writeFile(prompts, (await saved(page, 'text=Prompts with this limit')).bytes);
    expect(await detect('--prompts', prompts)).toMatchObject({
      score: expected.score,
      anomalous: expected.score >= 0.123,
    });
    await written(page);
    await page.reload();
    await inspected(page, 1);
    expect(await look.inputValue()).toBe('2');
    await inspectedAgain(page, 1, () => look.selectOption(''));
    expect(await page.locator('section[aria-labelledby=limit-heading]').innerText()).not.toContain('0.123');
    // And back: such a file says in what tiles its limit holds.
    await page.click('nav >> text=Model');
    await page.setInputFiles('input[accept=".safetensors"]', prompts);
    await page.waitForFunction(() => document.querySelector('.facts')!.textContent!.includes('tiled'));
    await page.click('nav >> text=Inspect');
    await inspected(page, 1);
    expect(await look.inputValue()).toBe('2');
    expect(await page.locator('section[aria-labelledby=limit-heading]').innerText()).toContain('0.123');
    expect(Math.abs((await numbers(page)).images[0]!.score - expected.score)).toBeLessThan(1e-6);
    expect(complaints).toEqual([]);
  });
});
