// The longest tasks of a page's main thread by the processor's time as well as by the clock: on a machine that others
// share a task of ten milliseconds may end after two hundred.
import type { Page } from 'playwright-core';

export interface LongestTasks {
  /** Milliseconds from a task's begin to its end, at most. */
  readonly wall: number;
  /** Milliseconds that the processor spent on one, at most. */
  readonly cpu: number;
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly dur?: number;
  readonly tdur?: number;
}

/** Seconds of a trace: a longer one would not fit the browser's buffer. */
const slice = 15;
const mark = 'faprompt-main-thread';

/** Watches from now on; call what it returns to end, for the figures. */
export async function watchTasks(page: Page): Promise<() => Promise<LongestTasks>> {
  const session = await page.context().browser()!.newBrowserCDPSession();
  const found = { wall: 0, cpu: 0 };
  let events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    events.push(...(value as unknown as TraceEvent[]));
  });
  const begin = async () => {
    await session.send('Tracing.start', {
      transferMode: 'ReportEvents',
      traceConfig: { includedCategories: ['toplevel', 'blink.user_timing'], excludedCategories: ['*'] },
    });
    await page.evaluate((name) => void performance.mark(name), mark).catch(() => {});
  };
  const end = async () => {
    const complete = new Promise<void>((resolve) => session.once('Tracing.tracingComplete', () => resolve()));
    await session.send('Tracing.end');
    await complete;
    const here = new Set(events.flatMap(({ name, pid, tid }) => (name === mark ? [`${pid} ${tid}`] : [])));
    for (const { name, pid, tid, dur = 0, tdur = 0 } of events) {
      if (!/RunTask$/.test(name) || !here.has(`${pid} ${tid}`)) continue;
      found.wall = Math.max(found.wall, dur / 1000);
      found.cpu = Math.max(found.cpu, tdur / 1000);
    }
    events = [];
  };
  // Says which of all threads is the page's, after it went elsewhere too.
  await page.addInitScript((name) => void performance.mark(name), mark);
  let stopped = false;
  let wake = () => {};
  const work = (async () => {
    while (!stopped) {
      await begin();
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 1000 * slice);
      });
      await end();
    }
  })();
  return async () => {
    stopped = true;
    wake();
    await work;
    await session.detach();
    return found;
  };
}
