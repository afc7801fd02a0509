/** Absolute paths in a data set's own files. */
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { RelativePath } from './dataset.ts';

export interface AbsolutePaths {
  readonly relative: RelativePath;
  /** Paths of another place (the data set was moved, or comes from another machine), with the same file found below the folder. */
  readonly moved: readonly string[];
}

/**
 * Makes absolute paths relative to `root`: those inside it, however they are written; of another place those whose
 * last parts, at least two, lead to a file below `root`, unless a file is where they point.
 */
export function absolutePaths(root: string): AbsolutePaths {
  const roots = [root];
  try {
    roots.push(realpathSync(root));
  } catch {
    // The folder is opened elsewhere, and refused there.
  }
  const moved: string[] = [];
  /** Parts before the ones that lie in `root`: the same for all paths of a file, in most. */
  let above = 0;
  const relative = (given: string): string | null => {
    const full = given.replaceAll('\\', '/');
    for (const base of roots) {
      const own = path.relative(base, path.resolve(full));
      if (own !== '' && !own.startsWith('..') && !path.isAbsolute(own)) return own.split(path.sep).join('/');
    }
    if (existsSync(given)) return null;
    const parts = full.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) return null;
    const candidates = [above, ...parts.keys()].filter((start) => start > 0 && parts.length - start >= 2);
    for (const start of candidates) {
      const own = parts.slice(start).join('/');
      if (!existsSync(path.join(root, own))) continue;
      above = start;
      moved.push(given);
      return own;
    }
    return above > 0 && parts.length > above ? parts.slice(above).join('/') : null;
  };
  return { relative, moved };
}
