// Debian's Chromium with SwiftShader as its WebGPU adapter, driven by playwright-core.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { hasEsbuild } from '../esbuild.ts';

const places = [
  process.env.FAPROMPT_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

const executablePath = places.find((place) => place !== undefined && existsSync(place));

/** Whether there is a browser to test with, and pages can be built for it; says why tests are skipped where there is none. */
export function hasChromium(): boolean {
  if (executablePath === undefined)
    console.warn(
      'skipped: no Chromium found (Debian: apt-get install chromium; elsewhere set FAPROMPT_CHROMIUM)',
    );
  return executablePath !== undefined && hasEsbuild();
}

/** Of one switch the last counts, so these are Playwright's (chromiumSwitches.ts), and ours. */
const disabledFeatures = [
  ...['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades'],
  ...['HttpsFirstBalancedModeAutoEnable', 'LensOverlay', 'MediaRouter', 'PaintHolding'],
  ...['ThirdPartyStoragePartitioning', 'AvoidCorsURLLoaderRestartOnRedirect', 'OptimizationHints'],
  ...['NetworkTimeServiceQuerying', 'AimEnabled', 'PreconnectToSearch'],
  // What opens below the address bar is a page itself, loaded with each of ours: 416 files, 0.7 s of the processor.
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup'],
];

const args = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-unsafe-swiftshader',
  '--use-fake-device-for-media-stream=fps=60',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  `--disable-features=${disabledFeatures.join()}`,
];

const launched = new Map<string, Promise<Browser>>();

/**
 * The browser that all test files share; it ends with the process.
 * @param options boundsChecks: false: without the bounds checks that Dawn writes into shaders, of which SwiftShader takes a
 * quarter less time to compile. For tests of what is around the kernels: those of the kernels in a browser keep them.
 * exactTimestamps: GPU timestamps to the nanosecond, which pages have in steps of 0.1 ms.
 */
export function testBrowser({ boundsChecks = true, exactTimestamps = false } = {}): Promise<Browser> {
  const own = [
    ...(boundsChecks ? [] : ['--enable-dawn-features=disable_robustness']),
    ...(exactTimestamps ? ['--disable-dawn-features=timestamp_quantization'] : []),
  ];
  const known = launched.get(own.join());
  if (known) return known;
  const browser = chromium.launch({ executablePath: executablePath!, args: [...args, ...own] });
  launched.set(own.join(), browser);
  return browser;
}
