/** The one way to list a folder with all that is below it. */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isSystemName } from './names.ts';

export interface WalkOptions {
  /** Levels of folders; what lies deeper is not listed. Default 16. */
  maxDepth?: number;
  /** Files after which listing stops; default a million. A wrong path (a home folder, a whole disk) ends here. */
  maxFiles?: number;
}

export interface Walked {
  /** Paths relative to the folder, with `/`, sorted by code unit: the same on every machine. */
  readonly files: readonly string[];
  /** Folders that cannot be read, and links that lead nowhere, with the reason. */
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[];
  /** false: there are more files or folders, or deeper ones, than the limits allow. */
  readonly whole: boolean;
}

const maxFolders = 200_000;

/**
 * Lists the files below a folder. Hidden and system files are left out (`names.ts`). Links are followed, but not into
 * a folder that the way to them has passed already.
 * @throws what reading the folder itself throws
 */
export async function walkFolder(
  root: string,
  { maxDepth = 16, maxFiles = 1_000_000 }: WalkOptions = {},
): Promise<Walked> {
  const files: string[] = [];
  const unreadable: { path: string; reason: string }[] = [];
  let folders = 0;
  let whole = true;
  const reasonOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

  const visit = async (relative: string, above: readonly string[]): Promise<void> => {
    if (++folders > maxFolders || files.length > maxFiles) {
      whole = false;
      return;
    }
    const full = path.join(root, relative);
    let entries: Dirent[];
    let own: string;
    try {
      [entries, own] = await Promise.all([readdir(full, { withFileTypes: true }), realpath(full)]);
    } catch (error) {
      if (relative === '') throw error;
      unreadable.push({ path: relative.slice(0, -1), reason: reasonOf(error) });
      return;
    }
    if (above.includes(own)) return;
    const inside = [...above, own];
    for (const entry of entries) {
      if (isSystemName(entry.name)) continue;
      const name = relative + entry.name;
      let kind: Pick<Dirent, 'isFile' | 'isDirectory'> = entry;
      if (entry.isSymbolicLink()) {
        try {
          kind = await stat(path.join(root, name));
        } catch (error) {
          unreadable.push({ path: name, reason: `a link that leads nowhere (${reasonOf(error)})` });
          continue;
        }
      }
      if (kind.isFile()) files.push(name);
      else if (!kind.isDirectory()) unreadable.push({ path: name, reason: 'neither a file nor a folder' });
      else if (inside.length < maxDepth) await visit(`${name}/`, inside);
      else whole = false;
    }
  };
  await visit('', []);
  if (files.length > maxFiles) whole = false;
  return { files: files.sort(), unreadable, whole };
}
