import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from '../testing/browser/chromium.ts';
import { newContext, openPage, openTestSite } from '../testing/browser/open.ts';
import type { Site } from '../testing/browser/site.ts';
import { hasShared } from '../testing/shared.ts';

describe.skipIf(!hasChromium() || !hasShared('golden/manifest.json'))('golden tensors in a browser', () => {
  let site: Site;
  beforeAll(async () => {
    site = await openTestSite();
  });
  afterAll(() => site.close());

  test('configuration a: forward, backward, Adam, every mode', async () => {
    const { page, complaints, close } = await openPage(await newContext(), site);
    const report = await page.evaluate(() => pages.golden('/shared/golden'));
    expect(complaints).toEqual([]);
    expect(report.worst, report.text).toBeLessThanOrEqual(1);
    expect(report.notes).toEqual([]);
    expect(report.tensors).toBeGreaterThan(300);
    await close();
  });
});
