/** A folder on disk as the layouts see it. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { DatasetError } from './errors.ts';
import { readMask } from './image.node.ts';
import { createFolder, type Folder } from './layouts/layout.ts';

/** No known layout is deeper, nor larger; a wrong path (a home folder, a link to above) ends here. */
const maxDepth = 8;
const maxFiles = 1_000_000;

/**
 * Lists a folder with all that is below it; hidden files are left out, links are followed. Throws
 * {@link DatasetError} if it holds more than a million files.
 */
export async function readFolder(root: string): Promise<Folder> {
  const files: string[] = [];
  const walk = async (relative: string, depth: number): Promise<void> => {
    const entries = await readdir(path.join(root, relative), { withFileTypes: true }).catch(() => []);
    const folders: string[] = [];
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const name = relative + entry.name;
      const kind = entry.isSymbolicLink() ? await stat(path.join(root, name)).catch(() => null) : entry;
      if (kind?.isDirectory()) folders.push(`${name}/`);
      else if (kind?.isFile()) files.push(name);
    }
    if (files.length > maxFiles) throw new DatasetError(root, null, `at most ${maxFiles} files`, 'more');
    if (depth < maxDepth) for (const folder of folders) await walk(folder, depth + 1);
  };
  await walk('', 1);
  const full = (file: string): string => path.join(root, file);
  return createFolder(path.basename(root), files.sort(), {
    path: full,
    readText: (file) => readFile(full(file), 'utf8'),
    hasAnomaly: async (mask) => (await readMask(full(mask))).data.includes(1),
  });
}
