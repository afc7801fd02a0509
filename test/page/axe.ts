// What axe-core says of the page as it stands: light and dark, on a desk and 320 pixels wide.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

const { resolve } = createRequire(import.meta.url);

/** One line per rule and element; axe comes in by the debugger, which the page's policy does not bind. */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate("'axe' in globalThis")))
    await page.evaluate(await readFile(resolve('axe-core/axe.min.js'), 'utf8'));
  const { violations: found } = (await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] })",
  )) as AxeResults;
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  );
}

const wide = { width: 1280, height: 720 };
const narrow = { width: 320, height: 640 };

/** `violations` in every look, each named by its look, with whatever is wider than the window. */
export async function violationsInAllLooks(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const viewport of [narrow, wide])
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      const look = `${colorScheme}, ${viewport.width} px`;
      found.push(...(await violations(page)).map((line) => `${look}: ${line}`));
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > viewport.width) found.push(`${look}: the page is ${width} px wide`);
    }
  return found;
}
