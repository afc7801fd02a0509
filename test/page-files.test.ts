// The day's work as files: a table, numbers, pictures; a project that another browser opens.
import { parse } from 'csv-parse/sync';
import { unzipSync } from 'fflate';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { mask, noImage, tile } from './page/images.ts';
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

describe.skipIf(!hasChromium())('the page: files to take along', () => {
  let site: PageSite;
  beforeAll(async () => {
    site = await openPageSite();
  });
  afterAll(() => site?.close());

  test('CSV, JSON, ZIP of pictures; a project, opened elsewhere', async () => {
    const { page, context, complaints } = await visit(site);
    await page.click('nav >> text=Train');
    await page.setInputFiles('.train input[accept="image/*"]', [
      await tile('t.png'),
      await mask('t_mask.png'),
    ]);
    await page.waitForSelector('text=0 normal, 1 with a defect');
    await page.click('nav >> text=Inspect');
    await page.setInputFiles('.welcome input[multiple]', [
      await tile('=sum.png', { seed: 1 }),
      await tile('cracked.png', { defect: 'crack', seed: 11 }),
      noImage('torn.png'),
    ]);
    await inspected(page, 2);
    await page.waitForSelector('.thumb[data-state=failed]');
    await setLimit(page, '0.6');
    await page.click('.thumb[title="cracked.png"]');
    const { images } = await numbers(page, 'text=Save numbers of all');

    const csv = await saved(page, 'text=Save table of all');
    expect(csv.name).toBe('faprompt-3-images.csv');
    const rows = parse(csv.bytes, { columns: true, bom: true }) as Record<string, string>[];
    // A name that a spreadsheet would compute is text.
    expect(rows.map(({ image }) => image)).toEqual(["'=sum.png", 'cracked.png', 'torn.png']);
    expect(rows.map(({ verdict }) => verdict)).toEqual([
      ...images.map(({ score }) => (score >= 0.6 ? 'fail' : 'pass')),
      'unreadable',
    ]);
    expect(Number(rows[1]!.score)).toBeCloseTo(images[1]!.score, 6);
    expect(rows[0]!.limit).toBe('0.6');
    expect(rows[2]!.score).toBe('');

    const zip = unzipSync((await saved(page, 'text=Save pictures of all')).bytes);
    expect(Object.keys(zip).sort()).toEqual(['pictures/=sum.jpg', 'pictures/cracked.jpg', 'results.csv']);
    expect(Buffer.from(zip['results.csv']!).equals(csv.bytes)).toBe(true);
    const picture = sharp(zip['pictures/cracked.jpg']!);
    const { width, height } = await picture.metadata();
    // The photograph is whole, with a band below that says the verdict.
    expect(width).toBe(96);
    expect(height).toBeGreaterThan(120);
    const band = await picture.extract({ left: 0, top: 124, width: 4, height: 3 }).raw().toBuffer();
    expect(band[0]! - band[1]!).toBeGreaterThan(80); // red

    const project = await saved(page, 'text=Save the project');
    expect(project.name).toMatch(/^faprompt-project-.*\.zip$/);
    expect(complaints).toEqual([]);
    await context.close();

    const other = await visit(site);
    await other.page.setInputFiles('.welcome input[accept^=".zip"]', noImage('holiday.zip'));
    await other.page.waitForSelector('text=holiday.zip is not a project, or is damaged');
    await other.page.setInputFiles('.welcome input[accept^=".zip"]', {
      name: project.name,
      mimeType: 'application/zip',
      buffer: project.bytes,
    });
    await inspected(other.page, 2);
    expect(await other.page.locator('.thumb[data-state=failed]').count()).toBe(1);
    expect(await other.page.locator('section[aria-labelledby=limit-heading]').innerText()).toContain(
      '0.600, set by hand',
    );
    expect((await numbers(other.page, 'text=Save numbers of all')).images).toEqual(images);
    await other.page.click('nav >> text=Train');
    await other.page.waitForSelector('text=0 normal, 1 with a defect');
    // And kept there.
    await written(other.page);
    await other.page.reload();
    await other.page.waitForSelector('text=0 normal, 1 with a defect');
    await other.page.click('nav >> text=Inspect');
    await inspected(other.page, 2);
    expect(other.complaints).toEqual([]);
    await other.context.close();
  });
});
