// What a screen reader would have heard: everything that the page's live regions said, in order.
import type { Page } from 'playwright-core';

/** To be called before the page's own scripts run (`visit`'s third argument). */
export const listen = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const all: string[] = [];
    Object.assign(globalThis, { said: all });
    new MutationObserver((changes) => {
      for (const { target } of changes) {
        const region = (target as Element).closest?.('#announcer, .announcer');
        const text = region?.textContent ?? '';
        if (text !== '') all.push(text);
      }
    }).observe(document, { subtree: true, childList: true });
  });

export const said = (page: Page): Promise<string[]> =>
  page.evaluate(() => (globalThis as unknown as { said: string[] }).said);
