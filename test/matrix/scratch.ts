import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** A folder of its own below the system's folder for temporary files. */
export async function scratchFolder(name: string): Promise<{ dir: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(path.join(os.tmpdir(), `faprompt-${name}-`));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}
