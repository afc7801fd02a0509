// A day at a station in minutes: `detect --watch` on a folder into which photographs drop, of which one in twenty is hostile
// or broken; three times the device is destroyed, twice the disk of the results is full.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { root } from './root.ts';
import { photographs } from './soak-photographs.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly photographs: number;
  readonly seed: number;
  readonly onNote?: (text: string) => void;
}

export interface SoakReport {
  readonly seconds: number;
  readonly photographs: number;
  readonly good: number;
  readonly broken: number;
  /** Good photographs with exactly one result. */
  readonly results: number;
  /** Broken ones that were named. */
  readonly named: number;
  /** Results for the photographs that came while the disk was full: scores without pictures, each said to be. */
  readonly withoutPictures: number;
  readonly devicesLost: number;
  readonly disksFilled: number;
  /** Resident set in MiB: when a tenth of the photographs were done, at the end, and the most. */
  readonly memory: { readonly start: number; readonly end: number; readonly most: number };
  readonly exitCode: number | null;
  /** What is not as it should be; empty: passed. */
  readonly failures: readonly string[];
}

/** MiB of the disk that results go to: room for all of them, and some for what fills it. */
const diskSize = (photographs: number): number => 32 + Math.ceil(photographs * 0.05);
/** Resident set may grow by this much (a software device keeps its memory there, and opens anew three times). */
const growth = { factor: 1.25, mebibytes: 96 };

const residentSet = async (pid: number): Promise<number> =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

/** A small disk of its own where that may be mounted (root on Linux); undefined elsewhere. */
function mountDisk(dir: string, size: number): (() => void) | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', dir], { stdio: 'ignore' });
    return () => execFileSync('umount', ['-l', dir]);
  } catch {
    return undefined;
  }
}

/** @param station the built bench/soak-station.ts */
export async function soak(station: string, options: SoakOptions): Promise<SoakReport> {
  const { photographs: count, onNote = () => {} } = options;
  const dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-soak-'));
  const [drop, disk] = [path.join(dir, 'drop'), path.join(dir, 'disk')];
  await Promise.all([mkdir(drop), mkdir(disk)]);
  const unmount = mountDisk(disk, diskSize(count));
  if (!unmount) onNote('no small disk can be mounted here (root on Linux can): it is not filled');
  const child = startStation(station, drop, disk, path.join(dir, 'cache'));
  try {
    const fillable = unmount !== undefined;
    return await watchStation({ child, drop, disk, fillable }, { ...options, onNote });
  } finally {
    child.kill('SIGKILL');
    unmount?.();
    await rm(dir, { recursive: true, force: true });
  }
}

function startStation(station: string, drop: string, disk: string, cache: string): ChildProcess {
  const weights = (name: string) => path.join(root, 'weights', name);
  const argv = [
    ...['detect', '--watch', drop, '--interval', '100', '--json-lines', '--threshold', '0.5'],
    ...['--clip', weights('small-clip.safetensors'), '--prompts', weights('small-prompts.safetensors')],
    ...['--out', path.join(disk, 'out'), '--cache', cache],
  ];
  return fork(station, argv, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
}

interface Station {
  readonly child: ChildProcess;
  readonly drop: string;
  readonly disk: string;
  /** Whether the disk may be filled. */
  readonly fillable: boolean;
}

async function watchStation(
  { child, drop, disk, fillable }: Station,
  { minutes, photographs: count, seed, onNote }: Required<SoakOptions>,
): Promise<SoakReport> {
  const rows = new Map<string, number>();
  const problems = new Map<string, string[]>();
  const failures: string[] = [];
  let devicesLost = 0;
  let ready = false;
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const found = JSON.parse(line) as { image: string; score?: unknown; problem?: string };
    const name = path.basename(found.image);
    if (found.problem !== undefined) problems.set(name, [...(problems.get(name) ?? []), found.problem]);
    else if (typeof found.score === 'number') rows.set(name, (rows.get(name) ?? 0) + 1);
    else failures.push(`a line without score or problem: ${line}`);
  });
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (line.startsWith('watching ')) ready = true;
    if (/device was lost/.test(line)) devicesLost++;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    if (/[\u0000-\u001f\u007f-\u009f]/.test(line))
      failures.push(`raw text on the terminal: ${JSON.stringify(line)}`);
  });
  const exit = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  while (!ready && !ended()) await setTimeout(50);

  const began = performance.now();
  const good = new Set<string>();
  const broken = new Set<string>();
  const memory = { start: 0, end: 0, most: 0 };
  const measure = async () => {
    if (ended()) return 0;
    const now = await residentSet(child.pid!);
    memory.most = Math.max(memory.most, now);
    return now;
  };
  const ballast = path.join(disk, 'ballast');
  let disksFilled = 0;
  const whileFull = new Set<string>();
  /** The disk is full between these photographs. */
  const isFull = (i: number) =>
    fillable && [0.3, 0.7].some((at) => i >= at * count && i < (at + 0.05) * count);
  const destroyed = [0.2, 0.5, 0.8].map((at) => Math.floor(at * count));
  let i = 0;
  for await (const { name, bytes, good: readable } of photographs(count, seed)) {
    const due = (i / count) * minutes * 60_000;
    const wait = due - (performance.now() - began);
    if (wait > 0) await setTimeout(wait);
    if (ended()) break;
    if (isFull(i) && !isFull(i - 1)) {
      disksFilled++;
      await fill(ballast);
      onNote(`${i}: the disk is full`);
    } else if (!isFull(i) && isFull(i - 1)) {
      await settled(i);
      await rm(ballast, { force: true });
      onNote(`${i}: the disk has room again`);
    }
    if (destroyed.includes(i)) {
      child.send('destroy the device');
      onNote(`${i}: the device is destroyed`);
    }
    (readable ? good : broken).add(name);
    if (isFull(i)) whileFull.add(name);
    await put(path.join(drop, name), bytes, i % 10 === 3);
    i++;
    const now = i % 20 === 0 ? await measure() : 0;
    if (memory.start === 0 && i >= count / 10) memory.start = now || (await measure());
  }
  await settled(i);
  memory.end = await measure();
  child.kill('SIGTERM');
  const exitCode = await Promise.race([exit, setTimeout(30_000, null)]);
  const seconds = (performance.now() - began) / 1000;

  /** Waits for what came so far, or half a minute without any of it. */
  async function settled(known: number): Promise<void> {
    let last = -1;
    for (let idle = 0; idle < 300 && !ended(); idle++) {
      const there =
        [...good].filter((name) => rows.has(name)).length +
        [...broken].filter((name) => problems.has(name)).length;
      if (there >= known) return;
      if (there !== last) idle = 0;
      last = there;
      await setTimeout(100);
    }
  }

  const once = [...good].filter((name) => rows.get(name) === 1);
  const named = [...broken].filter((name) => problems.get(name)?.some((text) => text.includes(name)));
  for (const name of good) {
    if (rows.get(name) !== 1) failures.push(`${name}: ${rows.get(name) ?? 0} results`);
    const wrong = (problems.get(name) ?? []).filter(
      (text) => !/cannot be written/.test(text) || !whileFull.has(name),
    );
    for (const text of wrong) failures.push(`a problem of a good photograph: ${text}`);
  }
  for (const name of broken) {
    if (rows.has(name)) failures.push(`${name}: a result of a broken photograph`);
    if (!named.includes(name)) failures.push(`${name}: broken, and not named`);
  }
  if (devicesLost < destroyed.length)
    failures.push(`${devicesLost} of ${destroyed.length} lost devices were noticed`);
  if (exitCode !== 1) failures.push(`exit code ${exitCode}, expected 1: some could not be read`);
  if (memory.end > memory.start * growth.factor + growth.mebibytes)
    failures.push(`memory grew from ${Math.round(memory.start)} to ${Math.round(memory.end)} MiB`);
  const withoutPictures = [...whileFull].filter((name) => good.has(name) && problems.has(name)).length;
  if (fillable && withoutPictures === 0) failures.push('the full disk was not noticed');
  return {
    seconds,
    photographs: i,
    good: good.size,
    broken: broken.size,
    results: once.length,
    named: named.length,
    withoutPictures,
    devicesLost,
    disksFilled,
    memory,
    exitCode,
    failures,
  };
}

/** Writes until the disk has no room. */
async function fill(file: string): Promise<void> {
  const piece = Buffer.alloc(2 ** 16, 1);
  for (;;) {
    try {
      await writeFile(file, piece, { flag: 'a' });
    } catch {
      return;
    }
  }
}

/** As cameras do it: under another name first, or piece by piece. */
async function put(file: string, bytes: Uint8Array, slowly: boolean): Promise<void> {
  if (slowly && bytes.length > 1) {
    const half = bytes.length >> 1;
    await writeFile(file, bytes.subarray(0, half));
    await setTimeout(30);
    await writeFile(file, bytes.subarray(half), { flag: 'a' });
    return;
  }
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.part`);
  await writeFile(temporary, bytes);
  await rename(temporary, file);
}
