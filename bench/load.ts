// npm run bench -- load: a CLIP's weights from a file to the device: time, and the most memory that the process had.
import { execFile, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { writeTensors } from '../src/formats/safetensors-write.node.ts';
import { tensorFile } from '../src/formats/tensor-file.ts';
import { openGpu } from '../src/gpu/gpu.ts';
import { elements } from '../src/kernels/tensor.ts';
import { openClip } from '../src/model/checkpoint/open.node.ts';
import { clipTensorShapes } from '../src/model/clip/config.ts';
import { loadClip } from '../src/model/clip/weights.ts';
import { summary } from './output.ts';
import { uniform } from './random.ts';
import { configOf } from './random-clip.ts';

/** Writes a CLIP of seeded random f32 weights, under OpenAI's names. */
export async function writeRandomClip(out: string, model: string): Promise<void> {
  const tensors = new Map(
    [...clipTensorShapes(configOf(model))].map(([name, shape]) => [
      name,
      { dtype: 'F32' as const, shape, bytes: 4 * elements(shape) },
    ]),
  );
  const next = uniform(1);
  const random = tensorFile(`random ${model}`, tensors, new Map(), async (_name, _info, _start, length) => {
    const values = new Float32Array(length / 4);
    for (let i = 0; i < values.length; i += 1) values[i] = 0.03 * next();
    return new Uint8Array(values.buffer);
  });
  await writeTensors(out, random);
}

/** What one process found. */
export interface Loaded {
  readonly adapter: string;
  /** From opening the file until the device has every weight. */
  readonly milliseconds: number;
  /** Bytes of the device's buffers, which a software adapter keeps in this process's memory. */
  readonly device: number;
  readonly software: boolean;
  /** The process's largest resident set, in bytes: getrusage's, which /usr/bin/time -v prints too. */
  readonly peak: number;
}

/** What the child process does. @param file undefined: open the device only, to know what an idle process has */
export async function loadOnce(file?: string): Promise<Loaded> {
  const gpu = await openGpu();
  const start = performance.now();
  if (file !== undefined) {
    const opened = await openClip(file);
    await loadClip(gpu, opened.file);
    await opened.close();
  }
  const milliseconds = performance.now() - start;
  const { description: adapter, capabilities, memory } = gpu;
  const found = {
    adapter,
    milliseconds,
    device: memory.allocated,
    software: capabilities.software,
    peak: 1024 * process.resourceUsage().maxRSS,
  };
  gpu.close();
  return found;
}

export interface LoadResult {
  readonly adapter: string;
  readonly file: number;
  readonly runs: number;
  /** Milliseconds, medians. */
  readonly load: number;
  readonly cat: number;
  /** Bytes, medians. */
  readonly idle: number;
  readonly peak: number;
  readonly device: number;
  /** What loading took beside the device's buffers: on a software adapter those are part of `peak`. */
  readonly host: number;
}

/** @param program the bundled bench, whose hidden command `load-once` is the child */
export async function benchLoad(program: string, file: string, runs: number): Promise<LoadResult> {
  const once = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, 'load-once', ...args]);
    return JSON.parse(stdout) as Loaded;
  };
  await cat(file); // from now on it lies in the page cache, for everyone alike
  const idle: Loaded[] = [];
  const loaded: Loaded[] = [];
  const cats: number[] = [];
  for (let i = 0; i < runs; i += 1) {
    idle.push(await once());
    cats.push(await cat(file));
    loaded.push(await once(file));
  }
  const median = (values: readonly number[]) => summary(values).median;
  const [{ adapter, software, device }] = loaded as [Loaded];
  const peaks = { idle: median(idle.map(({ peak }) => peak)), peak: median(loaded.map(({ peak }) => peak)) };
  return {
    adapter,
    file: (await stat(file)).size,
    runs,
    load: median(loaded.map(({ milliseconds }) => milliseconds)),
    cat: median(cats),
    ...peaks,
    device,
    host: peaks.peak - peaks.idle - (software ? device : 0),
  };
}

/** Milliseconds that `cat FILE >/dev/null` takes. */
function cat(file: string): Promise<number> {
  const start = performance.now();
  const child = spawn('cat', [file], { stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(`cat ended with ${code}`));
      else resolve(performance.now() - start);
    });
  });
}
