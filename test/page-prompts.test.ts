// Prompt by prompt: what each abnormality prompt sees in a photograph, as `faprompt detect --per-prompt` says it.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { violationsInAllLooks } from './page/axe.ts';
import { tile } from './page/images.ts';
import { listen, said } from './page/said.ts';
import { inspected, numbers, openPageSite, type PageSite, visit } from './page/site.ts';
import { tinyWeights } from './page/tiny-weights.ts';
import { cli } from './train-fixtures.ts';

interface PromptNumbers {
  readonly contribution: number;
  readonly probability: number;
  readonly mapMax: number;
}

describe.skipIf(!hasChromium())('the page: prompt by prompt', () => {
  let site: PageSite;
  let tiny: string;
  let dir: string;
  beforeAll(async () => {
    tiny = await tinyWeights();
    site = await openPageSite(tiny);
    dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-page-prompts-'));
  });
  afterAll(async () => {
    await site?.close();
    await rm(dir, { recursive: true, force: true });
  });

  test('numbers as the command line has them; by keyboard; said; gone with what they were about', async () => {
    const part = await tile('part.png', { defect: 'crack', seed: 11, size: 128, height: 160 });
    const file = path.join(dir, part.name);
    await writeFile(file, part.buffer);
    const weights = ['--clip', path.join(tiny, 'small-clip.safetensors'), '--no-cache'];
    const prompts = [
      ...['--prompts', path.join(tiny, 'small-prompts.safetensors')],
      ...['--no-threshold', '--per-prompt'],
    ];
    const { code, note } = await cli([
      'detect',
      ...weights,
      ...prompts,
      '--out',
      path.join(dir, 'out'),
      file,
    ]);
    expect(code, note).toBe(0);
    const all = JSON.parse(await readFile(path.join(dir, 'out/scores.json'), 'utf8'));
    const expected: readonly PromptNumbers[] = all.images[0].prompts;

    const { page, context, complaints } = await visit(site, { reducedMotion: 'reduce' }, listen);
    await page.setInputFiles('.welcome input[multiple]', part);
    await inspected(page, 1);
    expect((await numbers(page)).images[0]).not.toHaveProperty('prompts');
    const card = page.locator('.each-prompt');
    const whole = await page.locator('.stage .heat').evaluate((c) => (c as HTMLCanvasElement).toDataURL());
    const button = card.getByRole('button', { name: 'Look with each prompt' });
    await button.focus();
    await page.keyboard.press('Enter');
    await card.locator('input').nth(expected.length).waitFor({ state: 'attached' });
    // The button is gone: the focus is on the map of all.
    await page.waitForFunction(() => document.activeElement?.getAttribute('value') === 'all');
    const [image] = (await numbers(page)).images as unknown as { prompts: PromptNumbers[] }[];
    expect(image!.prompts).toHaveLength(expected.length);
    const off = (['contribution', 'probability', 'mapMax'] as const).map((key) =>
      Math.max(...expected.map((one, k) => Math.abs(one[key] - image!.prompts[k]![key]))),
    );
    for (const most of off) expect(most).toBeLessThan(1e-6);

    // Arrows go from prompt to prompt, and the map follows.
    await card.locator('input').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(await card.locator('input:checked').getAttribute('value')).toBe('2');
    const { probability, mapMax } = expected[1]!;
    const text = await card.locator('.reading').innerText();
    expect(text).toContain(`Prompt 2 alone calls the photograph abnormal with ${probability.toFixed(2)}.`);
    expect(text).toContain(`Its strongest sign is ${mapMax.toFixed(2)}, `);
    await expect.poll(async () => (await said(page)).at(-1)).toContain(text);
    const heat = () => page.locator('.stage .heat').evaluate((c) => (c as HTMLCanvasElement).toDataURL());
    await expect.poll(heat).not.toBe(whole);
    // Regions are those of the map of all.
    expect(await page.locator('.stage .labels .label').count()).toBe(0);
    expect(await violationsInAllLooks(page)).toEqual([]);
    await card.locator('input').first().check({ force: true });
    await expect.poll(heat).toBe(whole);

    // Another photograph has not been looked at; in tiles there is nothing to be looked at; this one still has.
    await page.setInputFiles('.toolbar input[multiple]', await tile('next.png', { seed: 5 }));
    await inspected(page, 2);
    await button.waitFor();
    await page.click('.thumb[title="part.png"]');
    await card.locator('input').first().waitFor({ state: 'attached' });
    await page.getByLabel('Look at').selectOption('2');
    await card.locator('text=In tiles there is no map of each prompt').waitFor();
    expect(await card.locator('input').count()).toBe(0);
    // Prompts that are not FAPrompt's have none.
    await page.click('nav >> text=Model');
    await page.getByLabel('No training: say what the parts are').fill('floor tile');
    await page.click('text=Use these words');
    await page.waitForFunction(() => document.querySelector('.facts')!.textContent!.includes('“floor tile”'));
    await page.click('nav >> text=Inspect');
    await inspected(page, 2);
    expect(await card.isVisible()).toBe(false);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
