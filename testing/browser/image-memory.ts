// What Chromium keeps of pictures that were drawn, which no heap and no garbage collection shows.
import type { Browser } from 'playwright-core';

interface Dump {
  readonly args?: {
    readonly dumps?: { readonly allocators?: Readonly<Record<string, { readonly attrs?: Attributes }>> };
  };
}
type Attributes = Readonly<Record<string, { readonly value: string } | undefined>>;

/** Megabytes of decoded pictures in all processes. */
export async function imageMemory(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  try {
    const events: Dump[] = [];
    session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as Dump[])));
    await session.send('Tracing.start', {
      transferMode: 'ReportEvents',
      traceConfig: {
        includedCategories: ['disabled-by-default-memory-infra'],
        excludedCategories: ['*'],
        // The protocol's types know texts alone here. No dumps but the one that is asked for.
        memoryDumpConfig: { triggers: [] } as unknown as Record<string, string>,
      },
    });
    await session.send('Tracing.requestMemoryDump', { levelOfDetail: 'detailed' });
    const complete = new Promise<void>((resolve) => session.once('Tracing.tracingComplete', () => resolve()));
    await session.send('Tracing.end');
    await complete;
    const sizes = events.flatMap(({ args }) =>
      Object.entries(args?.dumps?.allocators ?? {}).flatMap(([name, { attrs }]) =>
        name === 'cc/image_memory' ? [Number.parseInt(attrs?.size?.value ?? '0', 16) / 1e6] : [],
      ),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  } finally {
    await session.detach();
  }
}
