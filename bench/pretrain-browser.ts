// A pretraining step in Chromium: images drawn, prepared and computed by a page of its own.
import { bundle } from '../testing/browser/bundle.ts';
import { testBrowser } from '../testing/browser/chromium.ts';
import { openSite } from '../testing/browser/site.ts';
import { pageEnvironment } from './output.ts';
import type { PretrainBenchSettings, ProcessorTime } from './pretrain.ts';
import type {} from './pretrain-page.ts'; // what it declares

export async function benchPretrainBrowser(settings: PretrainBenchSettings) {
  const site = await openSite();
  for (const [name, bytes] of await bundle({ pretrain: 'bench/pretrain-page.ts' }))
    site.files.set(name, bytes);
  site.files.set(
    '/index.html',
    '<!doctype html><title>pretrain</title><script type="module" src="/pretrain.js"></script>',
  );
  const browser = await testBrowser({ exactTimestamps: true });
  try {
    const session = await browser.newBrowserCDPSession();
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    // Dawn and SwiftShader are the GPU process's; drawing and what WebGPU costs the page, the renderer's.
    await page.exposeFunction('processorTime', async (): Promise<ProcessorTime> => {
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      const of = (wanted: string) =>
        processInfo
          .filter(({ type }) => type.toLowerCase() === wanted)
          .reduce((sum, { cpuTime }) => sum + 1e3 * cpuTime, 0);
      return { GPU: of('gpu'), renderer: of('renderer') };
    });
    await page.goto(`${site.url}/index.html`);
    await page.waitForFunction(() => 'pretrain' in globalThis);
    const { adapter, result } = await page.evaluate((given) => pretrain(given), settings);
    return { environment: pageEnvironment(adapter, `Chromium ${browser.version()}`), result };
  } finally {
    await browser.close();
    await site.close();
  }
}
