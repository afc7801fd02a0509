// An inspector's day in one run of the page: a CLIP of B/32's shapes from a hub on localhost, calibrated on ten
// photographs, many inspected, files taken along, a reload. What is asserted has to hold; what is measured is printed.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'csv-parse/sync';
import { unzipSync } from 'fflate';
import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import sharp from 'sharp';
import { drawImage } from '../src/data/synth/draw.ts';
import { float16Tensor, writeSafetensors } from '../src/formats/safetensors.ts';
import { elements } from '../src/kernels/tensor.ts';
import { type ClipConfig, clipConfig, clipTensorShapes, knownClipConfigs } from '../src/model/clip/config.ts';
import { testBrowser } from '../testing/browser/chromium.ts';
import { longest, type PhaseTasks, type TaskWatch, watchTasks } from '../testing/browser/tasks.ts';
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
  /** Milliseconds of the longest task of the main thread, and in which part of the day: by the clock, and of the processor. */
  readonly longestTask: number;
  readonly longestTaskPhase: string;
  readonly longestTaskCpu: number;
  readonly longestTaskCpuPhase: string;
  readonly phases: readonly PhaseTasks[];
  readonly csvBytes: number;
  readonly zipBytes: number;
}

export interface DayOptions {
  /** Five of them are no images. */
  readonly photographs: number;
  /** A CLIP of two narrow layers in place of one of B/32's shapes: the day's other parts, without waiting for results. */
  readonly tiny: boolean;
}

const tinyConfig = clipConfig({
  ...{ visionWidth: 64, visionLayers: 2, patch: 32, grid: 7 },
  ...{ textWidth: 64, textLayers: 2, embedDim: 64, contextLength: 77, vocabSize: 49408 },
});

/** OpenCLIP's names; its square projection is stored the other way round, which random values do not mind. */
const openClipName = (name: string): string =>
  name.startsWith('visual.') || name === 'logit_scale'
    ? name
    : name === 'text_projection'
      ? 'text.text_projection.weight'
      : `text.${name}`;

/** Random weights in F16. */
function randomWeights(config: ClipConfig): Uint8Array {
  let seed = 1;
  return writeSafetensors(
    new Map(
      [...clipTensorShapes(config)].map(([name, shape]) => {
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

async function photograph(name: string, seed: number, crack: boolean): Promise<File> {
  const { data, width, height } = drawImage('tile', crack ? 'crack' : null, { seed, size: 320 }).image;
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  return { name, buffer: await image.jpeg({ quality: 92 }).toBuffer() };
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

/** Waits until the page says of so many photographs that they passed or failed, and of none that it is to come. */
const done = (page: Page, good: number, bad: number) =>
  page.waitForFunction(
    (end) => {
      const text = document.querySelector('.counts')?.textContent ?? '';
      return text.endsWith(end) && !text.includes('to go');
    },
    ` of ${good} fail, ${bad} could not be read.`,
    { timeout: 0, polling: 250 },
  );

/** On the disk, as a person's are: handed over by the debugger, they would be decoded by the page's main thread. */
async function onDisk(folder: string, files: readonly File[]): Promise<string[]> {
  const paths = files.map(({ name }) => path.join(folder, name));
  for (const [i, { buffer }] of files.entries()) await writeFile(paths[i]!, buffer);
  return paths;
}

interface File {
  readonly name: string;
  readonly buffer: Uint8Array;
}

async function saved(page: Page, button: string): Promise<Buffer> {
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 0 }), page.click(button)]);
  return readFile(await download.path());
}

export async function benchDay(options: DayOptions, say: (text: string) => void): Promise<Day> {
  const config = options.tiny ? tinyConfig : knownClipConfigs['ViT-B/32'];
  say(options.tiny ? 'making a tiny CLIP' : 'making weights of ViT-B/32');
  const modelConfig = {
    embed_dim: config.embedDim,
    vision_cfg: { width: config.visionWidth },
    text_cfg: { width: config.textWidth, heads: config.textHeads },
  };
  const hub = await startPageHub({
    [`${repo}/open_clip_model.safetensors`]: randomWeights(config),
    [`${repo}/open_clip_config.json`]: Buffer.from(JSON.stringify({ model_cfg: modelConfig })),
  });
  const site = await servePage();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-bench-day-'));
  const browser = await testBrowser();
  const context = await browser.newContext({ serviceWorkers: 'block' });
  try {
    return await spend(context, { page: site.url, hub: hub.url, folder }, options, say);
  } finally {
    await context.close();
    await browser.close();
    await site.close();
    await hub.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function spend(
  context: BrowserContext,
  { page: url, hub, folder }: { readonly page: string; readonly hub: string; readonly folder: string },
  { photographs: count }: DayOptions,
  say: (text: string) => void,
): Promise<Day> {
  const page = await context.newPage();
  page.setDefaultTimeout(600_000);
  const tasks: TaskWatch = await watchTasks(page, 'opening the page');
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  await page.goto(`${url}#model`);
  await tasks.phase('downloading and opening the CLIP');
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

  await tasks.phase('calibrating');
  await page.click('nav >> text=Inspect');
  await page.click('.welcome >> text=Calibrate on good parts');
  await page.setInputFiles(
    'dialog input[multiple]',
    await onDisk(
      folder,
      await Promise.all(
        Array.from({ length: goodPhotographs }, (_, i) => photograph(`good-${i}.jpg`, 1000 + i, false)),
      ),
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
    buffer: i === 0 ? Buffer.alloc(0) : parts[i]!.buffer.subarray(0, 30 * i),
  }));
  const files = [...parts];
  for (const [i, file] of bad.entries())
    files.splice(Math.floor(((i + 1) * files.length) / (badFiles + 1)), 0, file);
  const paths = await onDisk(folder, files);
  await tasks.phase('adding the photographs');
  began = performance.now();
  await page.setInputFiles('.welcome input[multiple]', paths);
  await page.waitForFunction(() => / to go/.test(document.querySelector('.counts')?.textContent ?? ''));
  await tasks.phase('inspecting');
  await done(page, count - badFiles, badFiles);
  const inspect = (performance.now() - began) / 1000;
  say(`${count} photographs after ${inspect.toFixed(0)} s`);
  const counts = await page.locator('.counts').innerText();
  const after = await memory(page, session);

  await tasks.phase('worst first, and through the photographs by keys');
  await page.getByLabel('Order').selectOption('score');
  await page.locator('.thumb[aria-pressed=true]').focus();
  for (const key of ['End', 'Home', ...Array.from({ length: 10 }, () => 'ArrowRight'), 'Home'])
    await page.keyboard.press(key);
  await page.getByLabel('Order').selectOption('added');
  await tasks.phase('table of all');
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
  await tasks.phase('numbers of all');
  const numbers = JSON.parse((await saved(page, 'text=Save numbers of all')).toString('utf8')) as {
    images: unknown[];
    failed: unknown[];
  };
  assert.equal(numbers.images.length, count - badFiles);
  assert.equal(numbers.failed.length, badFiles);
  await tasks.phase('pictures of all');
  const zip = await saved(page, 'text=Save pictures of all');
  const entries = unzipSync(zip);
  assert.equal(Object.keys(entries).length, count - badFiles + 1);
  for (const [name, bytes] of Object.entries(entries))
    if (name.endsWith('.jpg')) assert.equal((await sharp(bytes).metadata()).width, 320);
  say('files checked');

  await tasks.phase('loading the page again');
  await page.reload();
  await done(page, count - badFiles, badFiles);
  assert.equal(await page.locator('.counts').innerText(), counts);
  assert.match(await page.locator('section[aria-labelledby=limit-heading]').innerText(), /good photographs/);
  assert.match(await page.locator('.model-line').innerText(), /datacomp/);
  await tasks.phase('table after that');
  const again = await saved(page, 'text=Save table of all');
  assert.ok(again.equals(csv), 'the table after a reload is another one');
  say('everything is there after a reload');
  const phases = await tasks.end();
  const { wall, cpu } = longest(phases);
  return {
    photographs: count,
    download,
    inspect,
    perPhotograph: inspect / count,
    heapBefore: before.heap,
    heapAfter: after.heap,
    processBefore: before.process,
    processAfter: after.process,
    longestTask: wall.wall,
    longestTaskPhase: wall.phase,
    longestTaskCpu: cpu.cpu,
    longestTaskCpuPhase: cpu.phase,
    phases,
    csvBytes: csv.length,
    zipBytes: zip.length,
  };
}
