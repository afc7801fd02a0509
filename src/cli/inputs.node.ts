// Image files as they are named on the command line, and images that arrive in a folder.
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { imageExtensions } from '../data/image.ts';
import { UsageError } from './io.ts';

export interface Target {
  readonly file: string;
  /** Under which name (without ending) its results go. */
  readonly name: string;
}

const isImage = (file: string): boolean => imageExtensions.includes(path.extname(file).toLowerCase());

/** The files, and under which name (without ending) their results go: folders keep their inner structure. */
export async function listImages(inputs: readonly string[]): Promise<Target[]> {
  const files: Target[] = [];
  for (const input of inputs) {
    if (
      !(await stat(input).then(
        (found) => found.isDirectory(),
        () => false,
      ))
    ) {
      files.push({ file: input, name: path.parse(input).name });
      continue;
    }
    const entries = (await readdir(input, { recursive: true })).sort();
    const images = entries.filter(isImage);
    if (images.length === 0)
      throw new UsageError(`${input}: expected images (${imageExtensions.join(' ')}), found none`);
    for (const entry of images)
      files.push({
        file: path.join(input, entry),
        name: path.join(path.dirname(entry), path.parse(entry).name),
      });
  }
  const used = new Set<string>();
  return files.map(({ file, name }) => {
    let unique = name;
    for (let i = 2; used.has(unique); i += 1) unique = `${name}-${i}`;
    used.add(unique);
    return { file, name: unique };
  });
}

/**
 * Images that arrive in a folder from now on (once the promise is kept), in batches, sorted by name. A file is complete
 * when its size and time did not change between two looks, `interval` ms apart: this also holds on network drives,
 * which report no changes. Ends when `signal` aborts.
 */
export async function watchImages(
  dir: string,
  interval: number,
  signal: AbortSignal,
): Promise<AsyncGenerator<Target[], void>> {
  const look = async (): Promise<Map<string, string>> => {
    const states = new Map<string, string>();
    for (const name of (await readdir(dir)).sort()) {
      if (!isImage(name) || name.startsWith('.')) continue;
      const found = await stat(path.join(dir, name)).catch(() => null);
      if (found?.isFile()) states.set(name, `${found.size} ${found.mtimeMs}`);
    }
    return states;
  };
  return arrivals(dir, interval, signal, await look(), look);
}

async function* arrivals(
  dir: string,
  interval: number,
  signal: AbortSignal,
  first: ReadonlyMap<string, string>,
  look: () => Promise<Map<string, string>>,
): AsyncGenerator<Target[], void> {
  let before = first;
  // What was there or is done, in the state in which it was: a file that is written anew is a new image.
  const done = new Map(first);
  while (!signal.aborted) {
    await setTimeout(interval, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const now = await look();
    const complete = [...now].filter(
      ([name, state]) => before.get(name) === state && done.get(name) !== state,
    );
    for (const [name, state] of complete) done.set(name, state);
    for (const name of done.keys()) if (!now.has(name)) done.delete(name);
    before = now;
    if (complete.length > 0) {
      yield complete.map(([name]) => ({ file: path.join(dir, name), name: path.parse(name).name }));
    }
  }
}
