// Nothing is lost without a word: two tabs, reloads in the middle of long jobs, dialogs closed, projects opened over work.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { slowDown } from '../testing/browser/slow.ts';
import { violationsInAllLooks } from './page/axe.ts';
import { mask, tile } from './page/images.ts';
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
import { tinyWeights } from './page/tiny-weights.ts';

const limit = (page: Page) => page.locator('section[aria-labelledby=limit-heading]').innerText();
const scores = async (page: Page) =>
  (await numbers(page, 'text=Save numbers of all')).images.map(({ score }) => score);
/** Asked for again before it is written. */
const slowStorage = (page: Page) => slowDown(page.context(), ['storage']);
/** Says yes to the browser's question, as somebody who leaves anyway. @returns how often it was asked */
function leave(page: Page): { readonly asked: number } {
  const count = { asked: 0 };
  page.on('dialog', (dialog) => {
    if (dialog.type() === 'beforeunload') count.asked += 1;
    void dialog.accept();
  });
  return count;
}

/** In a page: whether it is kept that photographs are looked at in so many tiles. */
const looksIn = (tiles: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const opening = indexedDB.open('faprompt-settings');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const asking = opening.result.transaction('settings').objectStore('settings').get('model');
      asking.onerror = () => reject(asking.error);
      asking.onsuccess = () => {
        opening.result.close();
        resolve((asking.result as { choice: { tiles?: number } } | undefined)?.choice.tiles === tiles);
      };
    };
  });

describe.skipIf(!hasChromium())('the page: nothing is lost without a word', () => {
  let site: PageSite;
  beforeAll(async () => {
    site = await openPageSite(await tinyWeights());
  });
  afterAll(() => site?.close());

  test('two tabs: the second one says that it keeps nothing, and takes nothing from the first', async () => {
    const { page, context, complaints } = await visit(site, { reducedMotion: 'reduce' });
    await page.setInputFiles('.welcome input[multiple]', [
      await tile('one.png', { seed: 1 }),
      await tile('two.png', { defect: 'crack', seed: 11 }),
    ]);
    await inspected(page, 2);
    const before = await scores(page);

    const second = await context.newPage();
    const leaving = leave(second);
    await second.goto(site.url);
    await second.waitForSelector('.keeping >> text=This page is open in another tab');
    expect(await second.locator('.thumb').count()).toBe(0);
    await setLimit(page, '0.7');
    await second.click('nav >> text=Model');
    await second.getByLabel('No training: say what the parts are').fill('floor tile');
    await second.click('text=Use these words');
    await second.waitForFunction(() =>
      document.querySelector('.facts')!.textContent!.includes('“floor tile”'),
    );
    await second.click('nav >> text=Inspect');
    await second.setInputFiles('.welcome input[multiple]', await tile('three.png', { seed: 3 }));
    await inspected(second, 1);
    await setLimit(second, '0.4');
    await written(second);

    await page.reload();
    await inspected(page, 2);
    expect(await page.locator('.keeping').isVisible()).toBe(false);
    expect(await page.locator('.model-line').innerText()).toContain('General prompts');
    expect(await limit(page)).toContain('0.700, set by hand');
    expect(await scores(page)).toEqual(before);

    expect(await violationsInAllLooks(second)).toEqual([]);
    // Whoever leaves the second one is asked.
    expect(leaving.asked).toBe(0);
    await second.reload();
    expect(leaving.asked).toBe(1);
    await second.waitForSelector('.keeping >> text=This page is open in another tab');
    expect(await second.locator('.thumb').count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a reload while photographs are looked at anew shows no score of the model before', async () => {
    const { page, context } = await visit(site);
    const parts = [1, 2, 3, 4, 5, 6].map((seed) => tile(`${seed}.png`, { seed, size: 160 }));
    await page.setInputFiles('.welcome input[multiple]', await Promise.all(parts));
    await inspected(page, 6);
    const whole = await scores(page);
    await written(page);
    await page.getByLabel('Look at').selectOption('3');
    await page.waitForSelector('.thumb[data-state=working]');
    // Not until all is written: by then none may be left.
    await page.waitForFunction(looksIn, 3);
    await page.reload();
    await page.locator('.thumb').last().click();
    await page.waitForSelector('text=Stopped before this photograph was done');
    await page.click('text=/Inspect all [2-6] that are left/');
    await inspected(page, 6);
    expect(await page.getByLabel('Look at').inputValue()).toBe('3');
    for (const [i, score] of (await scores(page)).entries()) expect(score).not.toBe(whole[i]);
    await context.close();
  });

  test('photographs that come before those of the last visit are back: each once, with its result', async () => {
    const { page, context, complaints } = await visit(site, {}, slowStorage);
    const titles = () =>
      page.locator('.thumb').evaluateAll((all) => all.map((one) => one.getAttribute('title')));
    await page.setInputFiles('.welcome input[multiple]', await tile('one.png', { seed: 1 }));
    await inspected(page, 1);
    await written(page);
    expect(await titles()).toEqual(['one.png']);
    await page.reload();
    await page.setInputFiles('.welcome input[multiple]', await tile('two.png', { seed: 2 }));
    await inspected(page, 2);
    await written(page);
    expect(await titles()).toEqual(['one.png', 'two.png']);
    const before = await scores(page);
    await page.reload();
    await inspected(page, 2);
    expect(await titles()).toEqual(['one.png', 'two.png']);
    expect(await scores(page)).toEqual(before);
    // And a project takes the place of all of them.
    const project = await saved(page, 'text=Save the project');
    await page.reload();
    await page.setInputFiles('.welcome input[accept^=".zip"]', {
      name: project.name,
      mimeType: 'application/zip',
      buffer: project.bytes,
    });
    await page.waitForSelector('.undo-bar:has-text("Project opened in place of")');
    await inspected(page, 2);
    expect(await titles()).toEqual(['one.png', 'two.png']);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('good parts that were looked at are still there after Escape, and after a reload', async () => {
    const { page, context, complaints } = await visit(site, {}, slowStorage);
    const open = () => page.click('.welcome >> text=Calibrate on good parts');
    const known = (count: number) => page.waitForSelector(`dialog >> text=${count} good photographs, scores`);
    await open();
    await page.setInputFiles('dialog input[multiple]', [
      await tile('a.png', { seed: 101 }),
      await tile('b.png', { seed: 102 }),
    ]);
    await known(2);
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
    await open();
    await known(2);
    await written(page);
    await page.reload();
    await open();
    await known(2);
    await page.click('dialog >> text=Use this limit');
    await page.waitForSelector('dialog', { state: 'detached' });
    await page.click('.sample');
    await inspected(page, 1);
    expect(await limit(page)).toContain('from 2 good photographs');
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a training that a reload cut goes on where it was, to the same prompts', async () => {
    const { page, context, complaints } = await visit(site, { reducedMotion: 'reduce' });
    const leaving = leave(page);
    await page.click('nav >> text=Train');
    await page.setInputFiles('.train input[accept="image/*"]', [
      await tile('a.png', { defect: 'crack', seed: 11 }),
      await mask('a_mask.png'),
      await tile('b.png', { seed: 3 }),
    ]);
    await page.waitForSelector('text=1 normal, 1 with a defect');
    // Enough steps that it still runs when it is paused, however busy the machine is.
    await page.getByLabel('Epochs').fill('8');
    await page.getByLabel('Images a step').fill('1');
    const run = async () => {
      await page.click('text=Start training');
      await page.waitForSelector('text=Prompts are ready');
      return (await saved(page, 'text=Download prompts')).bytes;
    };
    const whole = await run();
    await page.click('text=Start training');
    await page.waitForFunction(() =>
      /Epoch [2-8] of 8/.test(document.querySelector('.monitor')!.textContent!),
    );
    await page.click('.monitor >> text=Pause');
    await written(page);
    await page.reload();
    expect(leaving.asked).toBe(1);
    const cut = page.locator('[aria-label="Unfinished training"]');
    await cut.waitFor();
    expect(await cut.innerText()).toMatch(/([2-9]|1[0-5]) of 16 steps on 2 images are kept/);
    expect(await violationsInAllLooks(page)).toEqual([]);
    await cut.getByRole('button', { name: 'Forget it' }).click();
    await cut.waitFor({ state: 'detached' });
    await page.click('.undo-bar >> text=Undo');
    // The images are gone from the gallery: the run has its own.
    await page.click('text=Remove all');
    await cut.getByRole('button', { name: 'Go on' }).click();
    await page.waitForSelector('text=/Prompts are ready/');
    await page.waitForSelector('text=16 steps. The command line');
    expect((await saved(page, 'text=Download prompts')).bytes.equals(whole)).toBe(true);
    expect(await cut.count()).toBe(0);
    await written(page);
    await page.reload();
    await page.waitForSelector('text=Prompts are ready');
    expect(await cut.count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a project opened over work can be taken back', async () => {
    const { page, context, complaints } = await visit(site);
    await page.setInputFiles('.welcome input[multiple]', await tile('first.png', { seed: 1 }));
    await inspected(page, 1);
    const project = await saved(page, 'text=Save the project');
    await page.click('text=Start over');
    await page.setInputFiles('.welcome input[multiple]', await tile('second.png', { seed: 2 }));
    await inspected(page, 1);
    await setLimit(page, '0.6');
    const before = await scores(page);
    await page.setInputFiles('.side input[accept^=".zip"]', {
      name: project.name,
      mimeType: 'application/zip',
      buffer: project.bytes,
    });
    await page.waitForSelector('.thumb[title="first.png"]');
    await page.click('.undo-bar:has-text("Project opened in place of") >> text=Undo');
    await page.waitForSelector('.thumb[title="second.png"]');
    expect(await page.locator('.thumb').count()).toBe(1);
    expect(await scores(page)).toEqual(before);
    await written(page);
    await page.reload();
    await inspected(page, 1);
    expect(await scores(page)).toEqual(before);
    expect(await limit(page)).toContain('0.600, set by hand');
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('a browser without room says that it keeps nothing more, inspects on, and asks whoever leaves', async () => {
    const { page, context } = await visit(site);
    const leaving = leave(page);
    const session = await context.newCDPSession(page);
    const { origin } = new URL(site.url);
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
    await page.setInputFiles('.welcome input[multiple]', await tile('one.png', { seed: 1 }));
    await inspected(page, 1);
    await page.waitForSelector('.keeping >> text=This browser keeps nothing more for the page');
    expect(await scores(page)).toHaveLength(1);
    await page.reload();
    expect(leaving.asked).toBe(1);
    await context.close();
  });
});
