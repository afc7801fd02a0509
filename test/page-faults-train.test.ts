// Faults that people met in "Train", each through the page as they met it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { mask, noImage, textFile, tile, type UploadFile } from './page/images.ts';
import { listen, said } from './page/said.ts';
import { openPageSite, type PageSite, tellIfItFails, type Visit, visit } from './page/site.ts';
import { tinyWeights } from './page/tiny-weights.ts';

const addImages = (page: Page, files: readonly UploadFile[]) =>
  page.setInputFiles('.train input[accept="image/*"]', [...files]);
const start = (page: Page) => page.getByRole('button', { name: 'Start training' });
const ready = (page: Page) => page.waitForSelector('text=Prompts are ready');
const notes = (page: Page) => page.locator('.train .note').allInnerTexts();
const cell = (page: Page, name: string) => page.locator(`.gallery .thumb[title="${name}"]`);

/** Two images with masks beside them, two without. */
const pairs = async () => [
  await tile('a.png', { defect: 'crack', seed: 11 }),
  await mask('a_mask.png'),
  await tile('b.png', { defect: 'crack', seed: 12 }),
  await mask('b_mask.png'),
  await tile('c.png', { seed: 3 }),
  await tile('d.png', { seed: 4 }),
];

/** Starts a run and waits for its end. */
async function runAnew(page: Page): Promise<void> {
  // At every frame: the outcome of the run before is away for as long as a tiny run takes.
  const gone = page.waitForFunction(() => document.querySelector('.outcome') === null);
  await start(page).click();
  await gone;
  await ready(page);
}

describe.skipIf(!hasChromium())('the page: faults in Train', () => {
  let site: PageSite;
  let dir: string;
  beforeAll(async () => {
    site = await openPageSite(await tinyWeights());
    dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-page-faults-'));
  });
  afterAll(async () => {
    await (await shared)?.context.close();
    await site?.close();
    await rm(dir, { recursive: true, force: true });
  });
  const open = async () => {
    const visited = await visit(site, {}, listen);
    await visited.page.click('nav >> text=Train');
    await visited.page.waitForSelector('h1:visible:has-text("Train")');
    return visited;
  };
  let shared: Promise<Visit> | undefined;
  /** One page for all that train: what SwiftShader compiled for the first run serves the others. */
  const openToTrain = async () => {
    shared ??= open();
    const { page } = await shared;
    tellIfItFails(page);
    const all = page.locator('.train >> text=Remove all');
    if (await all.isVisible()) await all.click();
    return page;
  };

  test('a flat folder: x.png with x_mask.png; layouts are listed once; other files are named', async () => {
    const { page, context } = await open();
    const folder = path.join(dir, 'flat');
    await mkdir(folder);
    for (const { name, buffer } of [...(await pairs()), textFile()])
      await writeFile(path.join(folder, name), buffer);
    await page.setInputFiles('input[webkitdirectory]', folder);
    await page.waitForSelector('text=2 normal, 2 with a defect');
    const text = (await notes(page)).join(' ');
    expect(text).toContain('notes.txt is not an image');
    const [, listed] = /known layouts \(([^)]*)\)/.exec(text)!;
    const names = listed!.split(', ');
    expect(new Set(names).size).toBe(names.length);
    await context.close();
  });

  test('masks that do not fit and images that cannot be read are found when they are added', async () => {
    const { page, context, complaints } = await open();
    await addImages(page, [
      await tile('wide.png', { defect: 'crack', size: 96 }),
      await mask('wide_mask.png', 64, 32),
      noImage('broken.png'),
    ]);
    await page.waitForSelector('text=1 without the mask that they need (left out), 1 that cannot be read');
    const text = (await notes(page)).join(' ');
    expect(text).toContain('wide_mask.png has 64 × 32 pixels, its image 96 × 96');
    expect(text).toContain('broken.png cannot be read as an image');
    // Neither shown stretched, nor in the painter, nor made by "Done" without a stroke.
    await cell(page, 'wide.png').click();
    await page.click('dialog >> text=Done');
    await page.waitForSelector('dialog', { state: 'detached' });
    expect(await cell(page, 'wide.png').getAttribute('data-kind')).toBe('unusable');
    expect(await start(page).isDisabled()).toBe(true);
    expect(await cell(page, 'broken.png').isDisabled()).toBe(true);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('the painter: Done without a stroke keeps the mask; Clear can be undone; Escape asks; a paste waits', async () => {
    const { page, context } = await visit(
      site,
      { permissions: ['clipboard-read', 'clipboard-write'] },
      listen,
    );
    await page.click('nav >> text=Train');
    await addImages(page, await pairs());
    await page.waitForSelector('text=2 normal, 2 with a defect');
    const painted = () =>
      page.locator('dialog canvas').evaluate((canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
        return data.filter((_, i) => i % 4 === 3 && data[i]! > 127).length;
      });
    await cell(page, 'a.png').click();
    await page.waitForSelector('dialog canvas:focus');
    const before = await painted();
    expect(before).toBe(32 * 32);
    await page.click('dialog >> text=Clear');
    expect(await painted()).toBe(0);
    await page.click('dialog >> text=Undo');
    expect(await painted()).toBe(before);

    // A paste does not go behind the dialog.
    await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(8, 8);
      canvas.getContext('2d')!.fillRect(0, 0, 8, 8);
      const blob = await canvas.convertToBlob();
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
    });
    await page.keyboard.press('Control+v');
    await page.waitForTimeout(300);
    expect(await page.locator('.gallery .thumb').count()).toBe(4);

    await page.locator('dialog canvas').focus();
    await page.keyboard.press('Space');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog >> text=Drop what you painted?');
    await page.keyboard.press('Escape');
    expect(await page.locator('dialog').count()).toBe(1);
    await page.keyboard.press('Escape');
    await page.click('dialog >> text=Drop it');
    await page.waitForSelector('dialog', { state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.getAttribute('title') === 'a.png');
    await page.waitForSelector('text=2 normal, 2 with a defect');

    // Everything taken away: it is normal, and that can be taken back.
    await cell(page, 'a.png').click();
    await page.click('dialog >> text=Clear');
    await page.click('dialog >> text=Done');
    await page.waitForSelector('text=3 normal, 1 with a defect');
    await page.click('.undo-bar >> text=Undo');
    await page.waitForSelector('text=2 normal, 2 with a defect');

    // Polygon by keyboard, bucket by pointer.
    await cell(page, 'c.png').click();
    await page.waitForSelector('dialog canvas:focus');
    for (const key of ['p', 'Space', 'Shift+ArrowRight', 'Space', 'Shift+ArrowDown', 'Space', 'Enter'])
      await page.keyboard.press(key);
    const triangle = await painted();
    expect(triangle).toBeGreaterThan(20);
    await page.keyboard.press('f');
    await page.getByLabel('Bucket reach').fill('100');
    await page.locator('dialog canvas').click({ position: { x: 5, y: 5 } });
    await expect.poll(painted).toBeGreaterThan(96 * 96 - 400);
    await page.keyboard.press('Control+z');
    await page.locator('dialog canvas').focus();
    await page.keyboard.press('Control+z');
    expect(await painted()).toBeLessThanOrEqual(triangle);
    // A closer look for thin cracks.
    await page.click('dialog >> [aria-label="Zoom in"]');
    expect(await page.locator('dialog .zoom .amount').textContent()).toBe('150 %');
    await page.click('dialog >> text=Cancel');
    await context.close();
  });

  test('stopped while it prepares, nothing was learnt and nothing is offered', async () => {
    const page = await openToTrain();
    await addImages(page, await pairs());
    await page.waitForSelector('text=2 normal, 2 with a defect');
    await start(page).click();
    await page.click('.monitor >> text=Stop and keep');
    await expect.poll(async () => (await said(page)).join(' ')).toContain('nothing was learnt');
    expect(await page.locator('.outcome').count()).toBe(0);
    expect(await start(page).isDisabled()).toBe(false);
    await page.waitForFunction(() => document.activeElement !== document.body);
  });

  test('Train on uses the images of its run; a failure leaves the prompts; the images cannot be changed meanwhile', async () => {
    const page = await openToTrain();
    await addImages(page, await pairs());
    await page.waitForSelector('text=2 normal, 2 with a defect');
    // Enough steps that it still runs when it is reloaded, however busy the machine is.
    await page.getByLabel('Epochs').fill('8');
    await start(page).click();
    await page.waitForSelector('.monitor:visible');
    expect(await page.locator('.gallery').evaluate((list) => list.closest('[inert]') !== null)).toBe(true);
    // A reload in the middle asks.
    const question = page.waitForEvent('dialog');
    await page.waitForFunction(() => /Step \d/.test(document.querySelector('.monitor')!.textContent!));
    page.reload().catch(() => {}); // it never comes, so that is not waited for
    const dialog = await question;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    await ready(page);
    await expect.poll(async () => (await said(page)).join('\n')).toMatch(/Epoch 1 of 8, step 1 of 8/);
    // As large as the prompts that ship see it, not 64.
    const size = await page
      .locator('.watched .heat')
      .evaluate((canvas) => (canvas as HTMLCanvasElement).width);
    expect(size).toBe(96);

    await page.hover('.gallery li:has(.dismiss[aria-label="Remove d.png"])');
    await page.click('.gallery .dismiss[aria-label="Remove d.png"]');
    await page.waitForSelector('text=1 normal, 2 with a defect');
    await page.getByLabel('Epochs').fill('1');
    await page.getByRole('button', { name: 'Train on' }).click();
    await page.waitForSelector('text=/^9 steps/');
    expect(await page.locator('.outcome').innerText()).toContain('Prompts are ready');
    expect(await page.locator('.curve').getAttribute('aria-label')).toMatch(/at step 9,/);
    // Anew: a curve of its own.
    await runAnew(page);
    expect(await page.locator('.curve').getAttribute('aria-label')).toMatch(/at step 1,/);
    expect((await shared)!.complaints).toEqual([]);
  });

  test('portrait images keep their shape; prompts, tried on images that were set aside, before and after', async () => {
    const page = await openToTrain();
    const files = await Promise.all(
      Array.from({ length: 5 }, async (_, i) => [
        await tile(`bad-${i}.png`, { defect: 'crack', seed: 20 + i, size: 64, height: 128 }),
        await mask(`bad-${i}_mask.png`, 64, 128),
        await tile(`good-${i}.png`, { seed: 40 + i, size: 64, height: 128 }),
      ]),
    );
    await addImages(page, files.flat());
    await page.waitForSelector('text=5 normal, 5 with a defect');
    await page.getByLabel('Epochs').fill('1');
    await page.getByLabel('Images a step').fill('8');
    await runAnew(page);
    const shape = await page
      .locator('.monitor .watched')
      .evaluate((box) => box.clientWidth / box.clientHeight);
    expect(shape).toBeCloseTo(0.5, 1);
    await page.waitForSelector('text=2 images that the run never saw');
    expect(await page.locator('.compared figcaption').allInnerTexts()).toEqual([
      expect.stringMatching(/^Before: \d\.\d\d$/),
      expect.stringMatching(/^After: \d\.\d\d$/),
      expect.stringMatching(/^Before: \d\.\d\d$/),
      expect.stringMatching(/^After: \d\.\d\d$/),
    ]);
  });
});
