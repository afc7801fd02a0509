// Files of this package, from its sources as from what is built of them.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of this package by its path from the package's folder. @throws Error where it is not there */
export function packageFile(name: string): string {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const file = path.join(folder, name);
    if (existsSync(file)) return file;
    if (folder === path.dirname(folder))
      throw new Error(`${name}: expected in the package faprompt, found nothing`);
  }
}
