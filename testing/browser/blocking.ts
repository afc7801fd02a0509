// How long a page's main thread was blocked: the longest task, and the longest gap between two turns of its event loop.
import type { Page } from 'playwright-core';

export interface Blocking {
  /** Milliseconds of the longest task; 0: none of 50 ms or more. */
  readonly longestTask: number;
  /** Milliseconds by which a timer of 5 ms was late at most. */
  readonly longestGap: number;
}

/** Watches from now on; call what it returns for the figures so far. */
export async function watchBlocking(page: Page): Promise<() => Promise<Blocking>> {
  const watch = await page.evaluateHandle(() => {
    const found = { longestTask: 0, longestGap: 0 };
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) found.longestTask = Math.max(found.longestTask, duration);
    }).observe({ type: 'longtask' });
    let last = performance.now();
    setInterval(() => {
      const now = performance.now();
      found.longestGap = Math.max(found.longestGap, now - last - 5);
      last = now;
    }, 5);
    return found;
  });
  return () => watch.jsonValue();
}
