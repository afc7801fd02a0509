// npm run bench -- folder: `faprompt detect` on a folder of photographs of mixed sizes, as a user runs it.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { drawSample } from '../src/data/synth/stream.ts';
import { summary } from './output.ts';
import { root } from './root.ts';

/** Sizes as cameras, phones and scanners have them, scaled down: upright, lying, square. */
const sizes = [
  [640, 480],
  [480, 640],
  [800, 600],
  [512, 512],
  [1024, 768],
  [720, 405],
  [333, 777],
  [900, 900],
] as const;

/** JPEG photographs' worth of pixels, seeded: drawn scenes, enlarged to the sizes above in turn. */
export async function writePhotographs(folder: string, count: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < count; index += 1) {
    const [width, height] = sizes[index % sizes.length]!;
    const { image } = drawSample({ role: 'prompt', seed: 1, index, imageSize: 96 });
    await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
      .resize(width, height, { fit: 'fill' })
      .jpeg({ quality: 90 })
      .toFile(path.join(folder, `${String(index).padStart(4, '0')}.jpg`));
  }
}

/** Hands a folder of photographs to `work`, and removes it. */
export async function withPhotographs<T>(count: number, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'faprompt-folder-'));
  try {
    await writePhotographs(folder, count);
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export interface FolderOptions {
  readonly images: number;
  readonly runs: number;
  readonly clip: string;
  readonly prompts: string;
  /** More arguments of `detect`, such as --image-size. */
  readonly more: readonly string[];
}

export interface FolderResult {
  readonly images: number;
  /** Seconds of a whole process, medians: for one image, and for all. */
  readonly one: number;
  readonly all: number;
  /** Images a second beside start-up: (images - 1) / (all - one). */
  readonly imagesPerSecond: number;
  readonly spread: number;
}

/** Whole processes, without the cache of features, so that every image runs through the encoder. */
export async function benchFolder({
  images,
  runs,
  clip,
  prompts,
  more,
}: FolderOptions): Promise<FolderResult> {
  return withPhotographs(images, async (folder) => {
    const detect = (input: string) =>
      seconds(
        ['detect', '--clip', clip, '--prompts', prompts, input, '--no-cache', '--json-lines', ...more],
        input === folder ? images : 1,
      );
    const first = path.join(folder, '0000.jpg');
    await detect(first); // the driver's own cache is warm from now on
    const one: number[] = [];
    const all: number[] = [];
    for (let i = 0; i < runs; i += 1) {
      one.push(await detect(first));
      all.push(await detect(folder));
    }
    const start = summary(one).median;
    const rates = summary(all.map((time) => (images - 1) / (time - start)));
    return {
      images,
      one: start,
      all: summary(all).median,
      imagesPerSecond: rates.median,
      spread: rates.spread,
    };
  });
}

/** Wall-clock seconds of a command that must end well and print one line for each image. */
function seconds(args: readonly string[], lines: number): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, [path.join(root, 'bin/faprompt.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let notes = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    notes += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const found = out.split('\n').filter(Boolean).length;
      // 2: some image was found to be anomalous
      if ((code !== 0 && code !== 2) || found !== lines)
        reject(new Error(`faprompt ${args.join(' ')} ended with ${code} and ${found} results:\n${notes}`));
      else resolve((performance.now() - start) / 1000);
    });
  });
}
