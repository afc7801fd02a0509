// Every way in which a photograph comes into the page, done as a browser does it; and what happens when the GPU goes.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drawImage } from '../src/data/synth/draw.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { inspected, numbers, openPageSite, type PageSite, shareVisit, visit } from './page/site.ts';
import { tinyWeights } from './page/tiny-weights.ts';

/** Files (and folders) from outside of the browser, dropped in the middle of the page. */
async function drop(page: Page, files: readonly string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { width, height } = page.viewportSize()!;
  const data = { items: [], files: [...files], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, x: width / 2, y: height / 2, data });
}

describe.skipIf(!hasChromium())('the page: photographs in, faults', () => {
  let site: PageSite;
  /** For what asks nothing of what the CLIP sees. */
  let tiny: PageSite;
  let folder: string;
  let png: Buffer;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-page-input-'));
    await mkdir(path.join(folder, 'line', 'second'), { recursive: true });
    const { data, width, height } = drawImage('tile', 'crack', { seed: 11, size: 96 }).image;
    png = await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    for (const name of ['one.png', 'line/two.png', 'line/second/three.png'])
      await writeFile(path.join(folder, name), png);
    await writeFile(path.join(folder, 'line', 'notes.txt'), 'no photograph');
    site = await openPageSite();
    tiny = await openPageSite(await tinyWeights());
  });
  afterAll(async () => {
    await shared.close();
    await site?.close();
    await tiny?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const shared = shareVisit(() =>
    visit(site, { permissions: ['clipboard-read', 'clipboard-write', 'camera'] }),
  );

  test('dropped: a file, and a folder with what is below it', async () => {
    const { page, complaints } = await shared.begin();
    await drop(page, [path.join(folder, 'one.png'), path.join(folder, 'line')]);
    await inspected(page, 3);
    const titles = await page
      .locator('.thumb')
      .evaluateAll((all) => all.map((one) => one.getAttribute('title')));
    expect(titles.sort()).toEqual(['one.png', 'three.png', 'two.png']);
    const scores = (await numbers(page, 'text=Save numbers of all')).images.map(({ score }) => score);
    expect(new Set(scores).size).toBe(1); // one picture, three times
    // The CLIP that ships has seen drawings above all: of a file it gives no verdict, and stretches the map.
    expect(await page.locator('section[aria-label=Verdict] h2').textContent()).toBe('Only a hint');
    expect(await page.getByLabel('Stretch colours to this photograph').isChecked()).toBe(true);
    expect(complaints).toEqual([]);
  });

  test('pasted', async () => {
    const { page } = await shared.begin();
    await page.evaluate(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const blob = new Blob([bytes], { type: 'image/png' });
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': blob })]);
    }, png.toString('base64'));
    await page.keyboard.press('Control+v');
    await inspected(page, 1);
    const [found] = (await numbers(page)).images;
    expect([found!.width, found!.height]).toEqual([96, 96]);
  });

  test('photographed; without permission, what to do instead', async () => {
    const { page, complaints } = await shared.begin();
    await page.click('text=Use the camera');
    await page.click('dialog button:has-text("Take photograph"):enabled');
    await inspected(page, 1);
    await page.waitForSelector('dialog', { state: 'detached' });
    expect((await numbers(page)).images[0]!.image).toBe('photograph.jpg');
    expect(complaints).toEqual([]);

    const refused = await visit(site);
    await refused.page.click('text=Use the camera');
    await refused.page.waitForSelector('dialog >> text=/did not allow the camera|No camera was found/');
    await refused.page.keyboard.press('Escape');
    await refused.page.waitForSelector('dialog', { state: 'detached' });
    await refused.context.close();
  });

  test('the CLIP for photographs is fetched when it is chosen; what it says of one is a hint', async () => {
    // The last on the shared page: the choice stays.
    const { page, complaints, requests } = await shared.begin();
    await page.setInputFiles('.welcome input[multiple]', path.join(folder, 'one.png'));
    await inspected(page, 1);
    expect(await page.locator('section[aria-label=Verdict]').innerText()).toMatch(/drawings above all/);
    expect(requests.filter((url) => url.includes('photo-clip'))).toEqual([]);
    await page.click('nav >> text=Model');
    await page.click('button:has-text("CLIP for photographs")');
    await page.waitForFunction(() =>
      /CLIP for photographs.*3\.7 million/s.test(document.querySelector('.facts')!.textContent!),
    );
    await page.click('nav >> text=Inspect');
    await page.setInputFiles('input[multiple]', path.join(folder, 'line', 'two.png'));
    await inspected(page, 2);
    expect(await page.locator('section[aria-label=Verdict]').innerText()).toMatch(
      /Only a hint.*thousand photographs/s,
    );
    expect(complaints).toEqual([]);
  });

  test('the GPU process crashes: the page says so, recovers, and inspects on', async () => {
    // Every page of the browser loses its device.
    await shared.close();
    const { page, context } = await visit(tiny);
    await page.setInputFiles('.welcome input[multiple]', path.join(folder, 'one.png'));
    await inspected(page, 1);
    const [before] = (await numbers(page)).images;
    const session = await context.browser()!.newBrowserCDPSession();
    const said = page.waitForSelector('text=The graphics device was lost');
    await session.send('Browser.crashGpuProcess' as 'Browser.getVersion').catch(() => {});
    await said;
    await page.waitForSelector('text=The graphics device was lost', { state: 'detached' });
    await page.setInputFiles('input[multiple]', path.join(folder, 'line', 'two.png'));
    await inspected(page, 2);
    const { images } = await numbers(page, 'text=Save numbers of all');
    for (const { score } of images) expect(score).toBeCloseTo(before!.score, 6);
    await context.close();
  });
});
