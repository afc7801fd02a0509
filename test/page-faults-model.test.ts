// Faults that people met in "Model", each through the page as they met it.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { clipConfig } from '../src/model/clip/config.ts';
import { wordListMetadata } from '../src/model/clip/tokenizer/tokenizer.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { tinyWeights } from './clip-files.ts';
import { tile } from './page/images.ts';
import { inspected, numbers, openPageSite, type PageSite, shareVisit, visit, written } from './page/site.ts';

const weights = async (name: string) => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: await readFile(`weights/${name}`),
});

const sizes = {
  ...{ visionWidth: 64, visionLayers: 2, patch: 16, grid: 4, textWidth: 64, textLayers: 1 },
  ...{ contextLength: 24, embedDim: 32 },
};

describe.skipIf(!hasChromium())('the page: faults in Model', () => {
  let site: PageSite;
  beforeAll(async () => {
    site = await openPageSite();
  });
  afterAll(async () => {
    await shared.close();
    await site?.close();
  });
  const shared = shareVisit(() => visit(site));

  test('a size that fails leaves the model open; a large one is warned of', async () => {
    const { page } = await shared.begin();
    await page.click('.sample');
    await inspected(page, 1);
    await page.click('nav >> text=Model');
    await page.waitForSelector('text=GPU memory');
    const size = page.getByLabel('Side in pixels');
    await size.fill('1000');
    await page.waitForSelector('text=/1000 pixels are \\d+ times as many as the 96/');
    await size.fill('97');
    await page.waitForSelector('text=97 is no multiple of the patch size');
    await page.click('text=Apply');
    const alert = page.locator('[role=alert]:visible');
    await alert.waitFor();
    expect(await alert.innerText()).toMatch(/97 is no multiple of \d+/);
    expect(await alert.innerText()).not.toMatch(/expected|found/);
    expect(await page.locator('.facts').innerText()).toContain('GPU memory');
    expect(await page.locator('.facts').innerText()).toContain('96 × 96');
  });

  test('messages are for people: no prompts, no server, a file that is none', async () => {
    const { page, context } = await visit(site);
    await page.click('nav >> text=Model');
    const alert = page.locator('[role=alert]:visible');
    await page.getByLabel('From an address').fill('http://127.0.0.1:9/clip.safetensors');
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await alert.waitFor();
    expect(await alert.innerText()).toContain('clip.safetensors could not be read from its server');
    expect(await alert.innerText()).not.toMatch(/Failed to fetch|expected|found/);
    await page.setInputFiles('input[accept^=".safetensors,.pt"]', {
      name: 'holiday.safetensors',
      mimeType: '',
      buffer: Buffer.from('0123456789 these are no weights at all'),
    });
    await page.waitForSelector('[role=alert] >> text=holiday.safetensors is not a CLIP');
    expect(await alert.innerText()).not.toMatch(/\d{8}/);
    // A CLIP whose few words are not enough for prompts: what to do, not what to call.
    await page.setInputFiles('input[accept^=".safetensors,.pt"]', {
      name: 'speechless.safetensors',
      mimeType: '',
      buffer: Buffer.from(
        writeSafetensors(
          tinyWeights(clipConfig({ ...sizes, vocabSize: 5 })),
          wordListMetadata(['cat', 'dog', '.']),
        ),
      ),
    });
    await page.waitForFunction(() => document.querySelector('.facts')!.textContent!.includes('none yet'));
    await page.click('nav >> text=Inspect');
    await page.click('.sample');
    await page.waitForSelector('text=There are no prompts yet');
    expect(await page.locator('.messages:visible').innerText()).not.toMatch(/Detector|setPrompts/);
    await context.close();
  });

  test('the same CLIP from a file is known by its content; files and choices outlive a reload', async () => {
    const { page, context } = await visit(site);
    await page.click('nav >> text=Model');
    await page.setInputFiles('input[accept^=".safetensors,.pt"]', {
      ...(await weights('small-clip.safetensors')),
      name: 'renamed.safetensors',
    });
    // The CLIP of this page, so its prompts.
    await page.waitForFunction(() =>
      /renamed.*General prompts/s.test(document.querySelector('.facts')!.textContent!),
    );
    await page.setInputFiles('input[accept=".safetensors"]', await weights('small-prompts.safetensors'));
    await page.waitForFunction(() =>
      document.querySelector('.facts')!.textContent!.includes('small-prompts'),
    );
    await page.click('nav >> text=Inspect');
    await page.setInputFiles('.welcome input[multiple]', await tile('photograph.png'));
    await inspected(page, 1);
    expect(await page.locator('section[aria-label=Verdict] h2').textContent()).toBe('Only a hint');
    const [before] = (await numbers(page)).images;

    await written(page);
    await page.reload();
    await inspected(page, 1);
    expect(await page.locator('section[aria-label=Verdict] h2').textContent()).toBe('Only a hint');
    expect(await page.locator('.model-line').innerText()).toContain(
      'renamed.safetensors, small-prompts.safetensors',
    );
    await page.setInputFiles('input[multiple]', await tile('again.png'));
    await inspected(page, 2);
    const [again] = (await numbers(page)).images;
    expect(again!.score).toBeCloseTo(before!.score, 6);
    await context.close();
  });

  test('another CLIP from a file is of use at once, without prompts and without a word list', async () => {
    const { page, context, complaints } = await visit(site);
    await page.click('nav >> text=Model');
    await page.setInputFiles('input[accept^=".safetensors,.pt"]', {
      name: 'other.safetensors',
      mimeType: '',
      buffer: Buffer.from(
        writeSafetensors(tinyWeights(clipConfig({ ...sizes, contextLength: 77, vocabSize: 49408 }))),
      ),
    });
    await page.waitForFunction(() =>
      /other\.safetensors.*no training/s.test(document.querySelector('.facts')!.textContent!),
    );
    await page.click('nav >> text=Inspect');
    await page.setInputFiles('.welcome input[multiple]', await tile('part.png'));
    await inspected(page, 1);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('the focus stays where the work is: removing what is stored', async () => {
    const { page } = await shared.begin();
    await page.click('.sample');
    await inspected(page, 1);
    await page.click('nav >> text=Model');
    await page.locator('.stored li', { hasText: 'small-prompts' }).getByRole('button').click();
    await page.waitForFunction(() => document.activeElement?.matches('.stored button'));
    await page.locator('.stored li', { hasText: 'small-clip' }).getByRole('button').click();
    await page.waitForFunction(() => document.activeElement?.matches('h1'));
  });
});
