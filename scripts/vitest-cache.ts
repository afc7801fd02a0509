// For vitest's cache of transformed modules (node_modules/.cache/vitest): what a module's code depends on besides its own
// text and vitest.config.ts with what that imports. Without it a run would go on with what was made before a change.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Vite } from 'vitest/node';

/** A path is resolved by `imports` of package.json and by the packages that there are, types go by tsconfig.json. */
const settings = ['package.json', 'package-lock.json', 'tsconfig.json'];

/** A shader's text, its parts', and theirs. */
function partsOf(file: string, found = new Map<string, string>()): Map<string, string> {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  found.set(file, text);
  for (const [, part] of text.matchAll(/^\s*#include\s*"([^"]+)"/gm)) {
    const next = path.resolve(path.dirname(file), part!);
    if (!found.has(next)) partsOf(next, found);
  }
  return found;
}

/** What is to be added to the key of a module. */
export function moduleCacheKey(): (id: string) => string {
  const hash = createHash('sha256');
  for (const name of settings) hash.update(readFileSync(name));
  const common = hash.digest('hex');
  return (id) => (id.endsWith('.wgsl') ? [common, ...partsOf(id).values()].join('\0') : common);
}

export const moduleCacheKeys: Vite.Plugin = {
  name: 'module-cache-keys',
  configureVitest({ experimental_defineCacheKeyGenerator: define }) {
    const key = moduleCacheKey();
    define(({ id }) => key(id));
  },
};
