import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/**
 * Writes a file so that its name holds either the old content or all of the new: into a temporary file beside
 * it, flushed to the disk, then renamed. Makes the folder if needed. On failure the temporary file is removed.
 */
export async function writeFileAtomic(file: string, bytes: Uint8Array | string): Promise<void> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true });
  const temporary = path.join(folder, `.${path.basename(file)}.${randomUUID()}.tmp`);
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** `$XDG_CACHE_HOME/faprompt/<name>`, by default below ~/.cache. */
export const cacheFolder = (
  name: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string => path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'faprompt', name);
