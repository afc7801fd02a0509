import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generate } from '../src/data/synth/generate.node.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { inspected, openPageSite, type PageSite, saved, visit } from './page/site.ts';
import { tinyWeights } from './page/tiny-weights.ts';
import { cli } from './train-fixtures.ts';

describe.skipIf(!hasChromium())('the page: train', () => {
  let site: PageSite;
  let dir: string;
  let weights: string;
  beforeAll(async () => {
    weights = await tinyWeights();
    site = await openPageSite(weights);
    dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-page-train-'));
    await generate(path.join(dir, 'data'), { seed: 3, classes: ['tile'], good: 2, defective: 2 });
  });
  afterAll(async () => {
    await site?.close();
    await rm(dir, { recursive: true, force: true });
  });

  test('a folder: epochs, pause, curve, map; prompts that the command line reads', async () => {
    const { page, context, complaints } = await visit(site);
    await page.click('nav >> text=Train');
    await page.setInputFiles('input[webkitdirectory]', path.join(dir, 'data'));
    await page.waitForSelector('text=2 normal, 2 with a defect');
    await page.getByLabel('Epochs').fill('4');
    await page.getByLabel('Images a step').fill('2');
    await page.click('text=Start training');
    await page.click('.monitor >> text=Pause');
    await page.waitForSelector('text=Paused');
    const standing = () => page.locator('.monitor .progress').textContent();
    await page.waitForFunction(() => /Step \d/.test(document.querySelector('.monitor')!.textContent!));
    // The step under way may still end.
    await page.waitForTimeout(1500);
    const paused = await standing();
    await page.waitForTimeout(1500);
    expect(await standing()).toBe(paused);
    await page.click('.monitor >> text=Continue');
    await page.waitForSelector('text=Prompts are ready');
    expect(await page.locator('.curve canvas').count()).toBe(1);
    expect(await page.locator('.curve').getAttribute('aria-label')).toMatch(/at step 8,/);
    expect(await page.locator('.watched + p').textContent()).toMatch(/After step 8: score \d\.\d\d/);

    const { name, bytes } = await saved(page, 'text=Download prompts');
    expect(name).toBe('prompts.safetensors');
    const prompts = path.join(dir, name);
    await writeFile(prompts, bytes);
    const out = path.join(dir, 'out');
    const { code, note } = await cli([
      'detect',
      '--clip',
      path.join(weights, 'small-clip.safetensors'),
      '--prompts',
      prompts,
      '--out',
      out,
      '--cache',
      path.join(dir, 'cache'),
      path.join(dir, 'data/tile/test/good/000.png'),
    ]);
    expect(code, note).toBe(0);

    await page.click('text=Inspect with them');
    await page.waitForURL(/#inspect$/);
    await page.click('.sample');
    await inspected(page, 1);
    expect(await page.locator('.model-line').textContent()).toContain('Trained here, 8 steps');
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a mask painted by keyboard, and by pointer', async () => {
    const { page, context, complaints } = await visit(site);
    await page.click('nav >> text=Train');
    const good = path.join(dir, 'data/tile/test/good');
    await page.setInputFiles('.train input[accept="image/*"]', [`${good}/000.png`, `${good}/001.png`]);
    await page.waitForSelector('text=2 normal, 0 with a defect');
    const start = page.getByRole('button', { name: 'Start training' });
    expect(await start.isDisabled()).toBe(true);

    const [first, second] = [page.locator('.gallery .thumb').nth(0), page.locator('.gallery .thumb').nth(1)];
    await first.focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog canvas:focus');
    for (const key of ['Shift+ArrowLeft', 'Space', 'Shift+ArrowDown', ']', 'Space'])
      await page.keyboard.press(key);
    const painted = () =>
      page.locator('dialog canvas').evaluate((canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
        return data.filter((_, i) => i % 4 === 3 && data[i]! > 127).length;
      });
    const two = await painted();
    await page.keyboard.press('Control+z');
    const one = await painted();
    expect(one).toBeGreaterThan(20);
    expect(two).toBeGreaterThan(one);
    await page.click('dialog >> text=Done');
    await page.waitForSelector('text=1 normal, 1 with a defect');
    expect(await start.isDisabled()).toBe(false);

    await second.click();
    const canvas = page.locator('dialog canvas');
    await canvas.waitFor();
    const box = (await canvas.boundingBox())!;
    await page.mouse.move(box.x + 40, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 90, box.y + 70, { steps: 4 });
    await page.mouse.up();
    expect(await painted()).toBeGreaterThan(20);
    await page.click('dialog >> text=Cancel');
    await page.waitForSelector('text=1 normal, 1 with a defect');
    expect(complaints).toEqual([]);
    await context.close();
  });
});
