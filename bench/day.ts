// An inspector's day in one run of the page: a CLIP of B/32's shapes from a hub on localhost, calibrated on ten
// photographs, many inspected, files taken along, a reload. What is asserted has to hold; what is measured is printed.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { unzipSync } from 'fflate';
import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import sharp from 'sharp';
import { drawImage } from '../src/data/synth/draw.ts';
import { float16Tensor, writeSafetensors } from '../src/formats/safetensors.ts';
import { elements } from '../src/kernels/tensor.ts';
import { clipTensorShapes, knownClipConfigs } from '../src/model/clip/config.ts';
import { testBrowser } from '../testing/browser/chromium.ts';
import { watchTasks } from '../testing/browser/tasks.ts';
import { startPageHub } from '../testing/page-hub.ts';
import { servePage } from './page-site.ts';
import { uniform } from './random.ts';

const model = 'ViT-B-32/datacomp_xl_s13b_b90k';
const repo = 'laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K';
const goodPhotographs = 10;
export const badFiles = 5;

export interface Day {
  readonly photographs: number;
  /** Seconds. */
  readonly download: number;
  readonly inspect: number;
  readonly perPhotograph: number;
  /** Megabytes: the page's JavaScript heap and its process, before the first photograph and after the last. */
  readonly heapBefore: number;
  readonly heapAfter: number;
  readonly processBefore: number;
  readonly processAfter: number;
  /** Milliseconds of the longest task of the main thread: by the clock, and of the processor. */
  readonly longestTask: number;
  readonly longestTaskCpu: number;
  readonly csvBytes: number;
  readonly zipBytes: number;
}

/** OpenCLIP's names; its square projection is stored the other way round, which random values do not mind. */
const openClipName = (name: string): string =>
  name.startsWith('visual.') || name === 'logit_scale'
    ? name
    : name === 'text_projection'
      ? 'text.text_projection.weight'
      : `text.${name}`;

/** Random weights of ViT-B/32's shapes in F16. */
function randomWeights(): Uint8Array {
  let seed = 1;
  return writeSafetensors(
    new Map(
      [...clipTensorShapes(knownClipConfigs['ViT-B/32'])].map(([name, shape]) => {
        seed += 7919;
        const next = uniform(seed);
        const norm = /ln_\w+\.weight$/.test(name);
        const scale = shape.length > 1 ? elements(shape.slice(1)) ** -0.5 : 0.05;
        const values = new Float32Array(elements(shape));
        for (let i = 0; i < values.length; i += 1)
          values[i] = name === 'logit_scale' ? Math.log(100) : scale * next() + (norm ? 1 : 0);
        return [openClipName(name), float16Tensor(shape, values)] as const;
      }),
    ),
  );
}

async function photograph(name: string, seed: number, crack: boolean) {
  const { data, width, height } = drawImage('tile', crack ? 'crack' : null, { seed, size: 320 }).image;
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  return { name, mimeType: 'image/jpeg', buffer: await image.jpeg({ quality: 92 }).toBuffer() };
}

async function memory(page: Page, session: CDPSession): Promise<{ heap: number; process: number }> {
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize')!.value / 1e6;
  // The largest renderer is the page's.
  const browser = await page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
  const sizes = await Promise.all(
    processInfo
      .filter(({ type }) => type === 'renderer')
      .map(async ({ id }) => {
        const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
        return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1e3;
      }),
  );
  return { heap, process: Math.max(...sizes) };
}

const done = (page: Page, count: number, state = 'done') =>
  page.waitForFunction(
    ([n, which]) => document.querySelectorAll(`.thumb[data-state=${which}]`).length === n,
    [count, state] as const,
    { timeout: 0 },
  );

async function saved(page: Page, button: string): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 0 }), page.click(button)]);
  return readFile(await download.path());
}

/** @param count photographs, five of which are no images */
export async function benchDay(count: number, say: (text: string) => void): Promise<Day> {
  say('making weights of ViT-B/32');
  const modelConfig = { embed_dim: 512, vision_cfg: { width: 768 }, text_cfg: { width: 512, heads: 8 } };
  const hub = await startPageHub({
    [`${repo}/open_clip_model.safetensors`]: randomWeights(),
    [`${repo}/open_clip_config.json`]: Buffer.from(JSON.stringify({ model_cfg: modelConfig })),
  });
  const site = await servePage();
  const browser = await testBrowser();
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    return await spend(context, { page: site.url, hub: hub.url }, count, say);
  } finally {
    await context.close();
    await browser.close();
    await site.close();
    await hub.close();
  }
}

async function spend(
  context: BrowserContext,
  { page: url, hub }: { readonly page: string; readonly hub: string },
  count: number,
  say: (text: string) => void,
): Promise<Day> {
  const page = await context.newPage();
  page.setDefaultTimeout(600_000);
  const tasks = await watchTasks(page);
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  await page.goto(`${url}#model`);
  await page.click('summary >> text=Where from');
  await page.getByLabel('Hub', { exact: true }).fill(hub);
  await page.click('text=Use this hub');
  let began = performance.now();
  await page.getByRole('button', { name: new RegExp(`: ${model}$`) }).click();
  const alert = page.locator('[role=alert]:visible');
  await page.locator('.known li', { hasText: model }).locator('text=In use').or(alert).first().waitFor();
  if (await alert.count()) throw new Error(await alert.first().innerText());
  const download = (performance.now() - began) / 1000;
  say(`CLIP opened after ${download.toFixed(1)} s`);

  await page.click('nav >> text=Inspect');
  await page.click('.welcome >> text=Calibrate on good parts');
  await page.setInputFiles(
    'dialog input[multiple]',
    await Promise.all(
      Array.from({ length: goodPhotographs }, (_, i) => photograph(`good-${i}.jpg`, 1000 + i, false)),
    ),
  );
  await page.waitForSelector(`dialog >> text=${goodPhotographs} good photographs, scores from`);
  await page.waitForFunction(() => !document.querySelector('dialog')!.textContent!.includes('to go'));
  await page.click('dialog >> text=Use this limit');
  say('calibrated');

  const before = await memory(page, session);
  const parts = await Promise.all(
    Array.from({ length: count - badFiles }, (_, i) => photograph(`part-${i}.jpg`, i + 1, i % 9 === 0)),
  );
  const bad = Array.from({ length: badFiles }, (_, i) => ({
    name: `bad-${i}.jpg`,
    mimeType: 'image/jpeg',
    buffer: i === 0 ? Buffer.alloc(0) : parts[i]!.buffer.subarray(0, 30 * i),
  }));
  const files = [...parts];
  for (const [i, file] of bad.entries())
    files.splice(Math.floor(((i + 1) * files.length) / (badFiles + 1)), 0, file);
  began = performance.now();
  await page.setInputFiles('.welcome input[multiple]', files);
  await done(page, badFiles, 'failed');
  await done(page, count - badFiles);
  const inspect = (performance.now() - began) / 1000;
  say(`${count} photographs after ${inspect.toFixed(0)} s`);
  const counts = await page.locator('.counts').innerText();
  const after = await memory(page, session);

  const csv = await saved(page, 'text=Save table of all');
  const rows = parse(csv, { columns: true, bom: true }) as Record<string, string>[];
  assert.deepEqual(
    rows.map(({ image }) => image),
    files.map(({ name }) => name),
  );
  assert.equal(rows.filter(({ verdict }) => verdict === 'unreadable').length, badFiles);
  const failing = rows.filter(({ verdict }) => verdict === 'fail');
  for (const { score, limit } of failing) assert.ok(Number(score) >= Number(limit));
  assert.ok(counts.startsWith(`${failing.length} of ${count - badFiles} fail`), counts);
  const zip = await saved(page, 'text=Save pictures of all');
  const entries = unzipSync(zip);
  assert.equal(Object.keys(entries).length, count - badFiles + 1);
  for (const [name, bytes] of Object.entries(entries))
    if (name.endsWith('.jpg')) assert.equal((await sharp(bytes).metadata()).width, 320);
  say('files checked');

  await page.reload();
  await done(page, count - badFiles);
  await done(page, badFiles, 'failed');
  assert.equal(await page.locator('.counts').innerText(), counts);
  assert.match(await page.locator('section[aria-labelledby=limit-heading]').innerText(), /good photographs/);
  assert.match(await page.locator('.model-line').innerText(), /datacomp/);
  const again = await saved(page, 'text=Save table of all');
  assert.ok(again.equals(csv), 'the table after a reload is another one');
  say('everything is there after a reload');
  const { wall, cpu } = await tasks();
  return {
    photographs: count,
    download,
    inspect,
    perPhotograph: inspect / count,
    heapBefore: before.heap,
    heapAfter: after.heap,
    processBefore: before.process,
    processAfter: after.process,
    longestTask: wall,
    longestTaskCpu: cpu,
    csvBytes: csv.length,
    zipBytes: zip.length,
  };
}
