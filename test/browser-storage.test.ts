import { readFile } from 'node:fs/promises';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { encoded, smallClip, smallPrompts } from '../testing/browser/fixtures.ts';
import { newContext, openPage, openTestSite } from '../testing/browser/open.ts';
import type { Site } from '../testing/browser/site.ts';
import type { ServedFile } from '../testing/file-server.ts';

describe.skipIf(!hasChromium())('weights in the browser', () => {
  let site: Site;
  let clip: ServedFile;
  let context: BrowserContext;
  let page: Page;
  let bytes: number;

  beforeAll(async () => {
    site = await openTestSite();
    const file = await readFile(smallClip);
    bytes = file.length;
    clip = site.serve('/clip.safetensors', file);
    site.files.set('/prompts.safetensors', await smallPrompts(2));
    site.files.set('/image.png', await encoded.png());
    context = await newContext({ boundsChecks: false });
    ({ page } = await openPage(context, site));
  });
  beforeEach(() => {
    clip.faults = {};
  });
  afterAll(async () => {
    await context?.close();
    await site?.close();
  });

  /** Loads on the page's thread, and says how it went. */
  const load = (options: { clip?: string; cache?: boolean; sha256?: string } = {}, on = page) =>
    on.evaluate(async (options) => {
      const warnings: string[] = [];
      const from = new Set<string | undefined>();
      const { Detector } = faprompt;
      try {
        const detector = await Detector.load({
          clip: '/clip.safetensors',
          size: 48,
          worker: false,
          onWarning: ({ kind }) => warnings.push(kind),
          progress: (value) => value.phase === 'read' && from.add(value.from),
          ...options,
        });
        const { sha256 } = detector.info.clip;
        detector.close();
        return { sha256, from: [...from], warnings: warnings.filter((kind) => kind !== 'notice') };
      } catch (error) {
        const { kind, message, hint } = error as { kind: string; message: string; hint?: string };
        return { kind, message, hint, warnings };
      }
    }, options);
  const stored = () => page.evaluate(() => faprompt.listWeights());
  const probe = { url: '/clip.safetensors', range: 'bytes=0-0' };

  test('a cut download goes on; then the weights are listed, and a reload only asks whether they changed', async () => {
    clip.faults = { cutAfter: (request) => (request < 2 ? 1_000_000 : undefined) };
    expect(await load()).toMatchObject({ from: ['network'], warnings: [] });
    expect(clip.requests.map(({ range }) => range)).toEqual([undefined, 'bytes=1000000-', 'bytes=2000000-']);
    const [entry, ...rest] = await stored();
    expect(rest).toEqual([]);
    expect(entry).toMatchObject({ url: `${site.url}/clip.safetensors`, bytes, stored: bytes });
    const use = await page.evaluate(() => faprompt.storageUse());
    expect(use.available).toBe(true);
    expect(use.usage).toBeGreaterThan(bytes / 2);

    clip.faults = {};
    await page.reload();
    await page.waitForFunction(() => 'pages' in globalThis);
    expect(await load()).toEqual({ sha256: entry!.sha256, from: ['storage'], warnings: [] });
    expect(clip.requests).toEqual([probe]);
    clip.faults = {};
    expect(await load({ sha256: entry!.sha256! })).toMatchObject({ from: ['storage'] });
    expect(clip.requests).toEqual([]);
  });

  test('offline', async () => {
    await context.setOffline(true);
    expect(await load()).toMatchObject({ from: ['storage'], warnings: [] });
    expect(await load({ clip: '/elsewhere.safetensors', cache: false })).toMatchObject({ kind: 'network' });
    await context.setOffline(false);
  });

  test('what was damaged is noticed and read anew', async () => {
    await page.evaluate(async () => {
      const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('faprompt');
      for await (const folder of root.values()) {
        const file = await (folder as FileSystemDirectoryHandle).getFileHandle('0');
        const stream = await file.createWritable({ keepExistingData: true });
        await stream.write({ type: 'write', position: 2_000_000, data: new Uint8Array([1, 2, 3, 4]) });
        await stream.close();
      }
    });
    expect(await load()).toMatchObject({ warnings: ['storage-damaged'], from: ['storage', 'network'] });
    expect(await load()).toMatchObject({ warnings: [], from: ['storage'] });
  });

  test('another file at the same address replaces the stored one; another hash than asked for is refused', async () => {
    clip.faults = { etag: () => '"2"' };
    expect(await load()).toMatchObject({ from: ['network'], warnings: [] });
    expect(clip.requests.map(({ range }) => range)).toEqual(['bytes=0-0', undefined]);
    const refused = await load({ sha256: '0'.repeat(64) });
    expect(refused).toMatchObject({ kind: 'bad-weights', message: expect.stringContaining('sha256 0000') });
    expect(await stored()).toEqual([]);
  });

  test('two tabs download once', async () => {
    const second = await openPage(context, site);
    const results = await Promise.all([load(), load({}, second.page)]);
    await second.page.close();
    expect(results.map(({ from }) => from).sort()).toEqual([['network'], ['storage']]);
    expect(clip.requests.filter(({ range }) => range === undefined)).toHaveLength(1);
  });

  test('removed', async () => {
    const url = `${site.url}/clip.safetensors`;
    expect(await page.evaluate((url) => faprompt.removeWeights(url), url)).toBe(true);
    expect(await page.evaluate((url) => faprompt.removeWeights(url), url)).toBe(false);
    expect(await stored()).toEqual([]);
  });

  test('no room: said, and the page goes on without', async () => {
    const session = await context.newCDPSession(page);
    await session.send('Storage.overrideQuotaForOrigin', { origin: site.url, quotaSize: 1_000_000 });
    const found = await load();
    await session.send('Storage.overrideQuotaForOrigin', { origin: site.url });
    // Chromium says QuotaExceededError, or only that its pipe to the disk broke.
    const warnings = [expect.stringMatching(/^storage-(full|unavailable)$/)];
    expect(found, JSON.stringify(found)).toMatchObject({ warnings, from: ['network'] });
    expect(await stored()).toEqual([]);
  });

  test('no storage, no cache wanted, no ranges, a local file: all the same weights', async () => {
    const { sha256 } = (await load({ cache: false })) as { sha256: string };
    expect(clip.requests.every(({ range }) => range !== undefined)).toBe(true);
    expect(await stored()).toEqual([]);
    clip.faults = { ignoreRanges: true };
    expect(await load({ cache: false })).toMatchObject({ sha256, from: ['network'] });
    const local = await page.evaluate(async () => {
      const blob = await (await fetch('/clip.safetensors')).blob();
      const { Detector } = faprompt;
      const detector = await Detector.load({ clip: [new File([blob], 'clip.safetensors')], worker: false });
      detector.close();
      return detector.info.clip;
    });
    expect(local).toMatchObject({ sha256, name: 'clip.safetensors' });
    const unavailable = await page.evaluate(async () => {
      StorageManager.prototype.getDirectory = () => Promise.reject(new DOMException('no', 'SecurityError'));
      const warnings: string[] = [];
      const { Detector } = faprompt;
      const onWarning = ({ kind }: { kind: string }) => warnings.push(kind);
      const detector = await Detector.load({ clip: '/clip.safetensors', worker: false, onWarning });
      detector.close();
      return { warnings, ...(await faprompt.storageUse()), list: await faprompt.listWeights() };
    });
    expect(unavailable).toMatchObject({
      warnings: ['storage-unavailable'],
      available: false,
      list: [],
    });
  });
});
