// What tests build from the sources: once per state of the sources, kept beside node_modules for the next process and run.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
/** Below node_modules, so that what is built finds packages. */
const cache = path.join(root, 'node_modules/.cache/faprompt-test');
/** Everything that a build reads; package-lock.json stands for the packages. */
const sources = ['bin', 'scripts', 'src', 'web', 'weights', 'package.json', 'package-lock.json'];
const day = 24 * 60 * 60 * 1000;

function sourcesHash(): string {
  const hash = createHash('sha256');
  for (const name of sources) {
    const at = path.join(root, name);
    const files = statSync(at).isDirectory()
      ? readdirSync(at, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => path.join(entry.parentPath, entry.name))
          .sort()
      : [at];
    for (const file of files) hash.update(path.relative(root, file)).update('\0').update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

let state: string | undefined;
const made = new Map<string, Promise<string>>();

/** A folder that `make` fills, which the tests must not change. @returns its path */
export function built(name: string, make: (folder: string) => Promise<unknown>): Promise<string> {
  const known = made.get(name);
  if (known) return known;
  const promise = build(name, make);
  made.set(name, promise);
  return promise;
}

async function build(name: string, make: (folder: string) => Promise<unknown>): Promise<string> {
  state ??= sourcesHash();
  const folder = path.join(cache, `${name}-${state}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const others = (await readdir(cache)).map((other) => path.join(cache, other));
  for (const other of others)
    if (statSync(other).mtimeMs < Date.now() - day) await rm(other, { recursive: true });
  const unfinished = path.join(cache, `.${name}-${randomUUID()}`);
  await make(unfinished);
  // Another process may have been first.
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  return folder;
}
