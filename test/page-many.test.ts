// Hundreds of photographs: nothing that the page does to them holds its main thread up.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { type PhaseTasks, type TaskWatch, taskLines, watchTasks } from '../testing/browser/tasks.ts';
import { mask, tile } from './page/images.ts';
import {
  drawn,
  inspected,
  openPageSite,
  type PageSite,
  saved,
  setLimit,
  type Visit,
  visit,
  written,
} from './page/site.ts';
import { tinyWeights } from './page/tiny-weights.ts';

const many = Number(process.env.FAPROMPT_MANY ?? 200);
const unread = 3;
/** Milliseconds of the processor that one task may take. */
const most = 50;

/** Phases whose longest task took longer, as lines. */
const tooLong = (phases: readonly PhaseTasks[]): string[] =>
  taskLines(phases.filter(({ cpu }) => cpu >= most));

/** Multiplies the one photograph that the page keeps, with other names and scores, and small maps; one is large. */
const multiply = (page: Page): Promise<unknown> =>
  page.evaluate(
    async ([count, failed]) => {
      const open = (name: string): Promise<IDBDatabase> =>
        new Promise((resolve, reject) => {
          const request = indexedDB.open(`faprompt-${name}`);
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const rooms = ['photographs', 'results', 'maps'] as const;
      const [photographs, results, maps] = await Promise.all(rooms.map(open));
      const first = <T>(db: IDBDatabase, name: string): Promise<T> =>
        new Promise((resolve) => {
          const request = db.transaction(name).objectStore(name).getAll(null, 1);
          request.onsuccess = () => resolve(request.result[0] as T);
        });
      const photo = await first<{ file: Blob }>(photographs!, 'photographs');
      const result = await first<{ kind: string; result: { score: number } }>(results!, 'results');
      const bytes = await photo.file.arrayBuffer();
      const wave = (at: number, size: number) =>
        0.5 + 0.4 * Math.sin((at % size) / 17) * Math.cos(Math.floor(at / size) / 23);
      const put = (db: IDBDatabase, name: string, record: (i: number) => unknown): Promise<void> =>
        new Promise((resolve, reject) => {
          const change = db.transaction(name, 'readwrite');
          change.objectStore(name).clear();
          for (let i = 0; i < count; i += 1) change.objectStore(name).put(record(i), `id ${i}`);
          change.oncomplete = () => resolve();
          change.onerror = () => reject(change.error);
        });
      await put(photographs!, 'photographs', (i) => ({
        ...photo,
        name: `part-${i}.png`,
        place: i + 1,
        file: new Blob([bytes], { type: 'image/png' }),
      }));
      await put(results!, 'results', (i) =>
        i < failed
          ? { ...result, kind: 'failed', problem: { kind: 'bad-image', title: 'Not readable', detail: '' } }
          : { ...result, result: { ...result.result, score: ((i * 37) % count) / count } },
      );
      await put(maps!, 'maps', (i) => {
        const size = i === failed ? 640 : 24;
        const values = Float32Array.from({ length: size * size }, (_, at) => wave(at + i, size));
        return { width: size, height: size, values };
      });
      for (const db of [photographs, results, maps]) db!.close();
    },
    [many, unread] as const,
  );

/** Watches until the test is over: a browser has one trace at a time, and another test may want it. */
const watch = async (page: Page, first: string): Promise<TaskWatch> => {
  const tasks = await watchTasks(page, first);
  onTestFinished(async () => void (await tasks.end()));
  return tasks;
};

const counted = (page: Page, end: string): Promise<unknown> =>
  page.waitForFunction((text) => document.querySelector('.counts')?.textContent?.endsWith(text), end, {
    polling: 50,
  });
const current = (page: Page) => page.locator('.filmstrip .thumb[aria-pressed=true]');

describe.skipIf(!hasChromium())('the page with hundreds of photographs', () => {
  let site: PageSite;
  let folder: string;
  beforeAll(async () => {
    site = await openPageSite(await tinyWeights());
    folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-page-many-'));
  });
  afterAll(async () => {
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  });
  const alone = async (): Promise<Visit> => {
    const opened = await visit(site, { reducedMotion: 'reduce' });
    onTestFinished(() => opened.context.close());
    return opened;
  };
  /** Files on the disk: handed over by the debugger they would be decoded by the page's main thread. */
  const onDisk = async (name: string, count: number, { buffer }: { buffer: Buffer }): Promise<string[]> => {
    const paths = Array.from({ length: count }, (_, i) => path.join(folder, name.replace('*', String(i))));
    for (const file of paths) await writeFile(file, buffer);
    return paths;
  };

  test('no task of 50 ms while they come, are looked through, judged, sorted, saved, taken away and loaded again', async () => {
    const { page, complaints } = await alone();
    await page.setInputFiles('.welcome input[multiple]', await tile('one.png', { size: 64 }));
    await inspected(page, 1);
    await written(page);
    await multiply(page);
    const tasks = await watch(page, 'loading');
    await page.reload();
    await counted(page, `, ${unread} could not be read.`);

    await tasks.phase('going through them');
    const thumbnails = page.locator('.filmstrip .thumb');
    await current(page).focus();
    expect(await current(page).getAttribute('title')).toBe('part-0.png');
    await page.keyboard.press('End');
    expect(await current(page).getAttribute('title')).toBe(`part-${many - 1}.png`);
    expect(await current(page).evaluate((thumb) => thumb === document.activeElement)).toBe(true);
    const cell = page.locator('.filmstrip li:has([aria-pressed=true])');
    expect(await cell.getAttribute('aria-posinset')).toBe(String(many));
    expect(await cell.getAttribute('aria-setsize')).toBe(String(many));
    // In sight, once the strip has followed; and few others have elements.
    await expect
      .poll(() =>
        cell.evaluate((own) => {
          const [strip, box] = [own.parentElement!.getBoundingClientRect(), own.getBoundingClientRect()];
          return box.left >= strip.left && box.right <= strip.right;
        }),
      )
      .toBe(true);
    expect(await thumbnails.count()).toBeLessThan(150);
    for (let i = 0; i < 5; i += 1) await page.keyboard.press('ArrowLeft');
    expect(await current(page).getAttribute('title')).toBe(`part-${many - 6}.png`);
    // By the pointer, far from the one that is shown, once that has been brought into sight.
    await drawn(page);
    await page.locator('.filmstrip').evaluate((strip) => strip.scrollTo({ left: strip.scrollWidth / 2 }));
    await page.click(`.filmstrip .thumb[title="part-${many / 2}.png"]`);
    expect(await current(page).getAttribute('title')).toBe(`part-${many / 2}.png`);

    await tasks.phase('a large map');
    await page.keyboard.press('Home');
    for (let i = 0; i < unread; i += 1) await page.keyboard.press('ArrowRight');
    expect(await current(page).getAttribute('title')).toBe(`part-${unread}.png`);
    await page.waitForFunction(
      () => document.querySelector('.lines')?.getAttribute('viewBox') === '0 0 640 640',
    );
    await page.waitForSelector('.lines .line[d^=M]', { state: 'attached' });

    await tasks.phase('a limit, by which all of them are judged anew');
    await setLimit(page, '0.9');
    const fails = Array.from({ length: many }, (_, i) => ((i * 37) % many) / many).filter(
      (score, i) => i >= unread && score >= 0.9,
    ).length;
    await counted(page, `${fails} of ${many - unread} fail, ${unread} could not be read.`);

    await tasks.phase('worst first');
    await page.getByLabel('Order').selectOption('score');
    await page.locator('.filmstrip').evaluate((strip) => strip.scrollTo({ left: 0 }));
    await page.waitForSelector('.filmstrip li:first-child .thumb[data-state=failed]');
    await page.getByLabel('Order').selectOption('added');

    await tasks.phase('table');
    const { bytes } = await saved(page, 'text=Save table of all');
    expect(bytes.toString().trim().split('\n')).toHaveLength(many + 1);
    await tasks.phase('numbers');
    const { images } = JSON.parse((await saved(page, 'text=Save numbers of all')).bytes.toString()) as {
      images: unknown[];
    };
    expect(images).toHaveLength(many - unread);
    await tasks.phase('pictures');
    await saved(page, 'text=Save pictures of all');
    await tasks.phase('project saved');
    const project = await saved(page, 'text=Save the project');
    const file = path.join(folder, project.name);
    await writeFile(file, project.bytes);
    await tasks.phase('project opened');
    await page.setInputFiles('.side input[accept^=".zip"]', file);
    await page.waitForSelector('.undo-bar:has-text("Project opened in place of")');
    await counted(page, `${fails} of ${many - unread} fail, ${unread} could not be read.`);

    await tasks.phase('more of them');
    await page.setInputFiles(
      '.toolbar input[multiple]',
      await onDisk('more-*.png', many, await tile('more.png', { size: 64, seed: 2 })),
    );
    await page.waitForFunction(() => / to go/.test(document.querySelector('.counts')!.textContent!));
    await tasks.phase('stopped');
    await page.click('.stage-column .progress >> text=Cancel');
    await page.waitForSelector('text=/Inspect all \\d+ that are left/');
    await tasks.phase('start over');
    await page.click('text=Start over');
    await page.waitForSelector('.welcome h1:visible');
    await tasks.phase('undo');
    await page.click('.undo-bar >> text=Undo');
    await current(page).waitFor();
    expect(await cell.getAttribute('aria-setsize')).toBe(String(2 * many));

    const phases = await tasks.end();
    if (process.env.FAPROMPT_TASKS) console.log(taskLines(phases).join('\n'));
    expect(tooLong(phases)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('no task of 50 ms with hundreds of training images', async () => {
    const { page, complaints } = await alone();
    await page.click('nav >> text=Train');
    const image = await tile('image.png', { size: 64 });
    const files = await onDisk('image-*.png', many, image);
    const marked = path.join(folder, 'image-0_mask.png');
    await writeFile(marked, (await mask('mask.png', 64)).buffer);
    const tasks = await watch(page, 'images come');
    await page.setInputFiles('.train input[accept="image/*"]', [...files, marked]);
    const there = `text=${many - 1} normal, 1 with a defect`;
    await page.waitForSelector(there);
    await written(page);
    await tasks.phase('loading');
    await page.reload();
    await page.waitForSelector(there);
    await tasks.phase('taken away');
    await page.click('text=Remove all');
    await page.waitForSelector('.undo-bar');
    await page.click('.undo-bar >> text=Undo');
    await page.waitForSelector(there);
    const phases = await tasks.end();
    if (process.env.FAPROMPT_TASKS) console.log(taskLines(phases).join('\n'));
    expect(tooLong(phases)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
