import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { clearTemporaries, temporaryBeside } from './temporary.node.ts';
import { whileUnfinished } from './unfinished.node.ts';

/**
 * Makes a folder and those above it. Node's own way tries for ever where a parent is there and nothing can be made in it
 * (in /proc, on some network drives).
 * @returns the first that was made; undefined: it was there
 */
export async function makeFolder(dir: string): Promise<string | undefined> {
  const isThere = async (folder: string) => (await stat(folder).catch(() => undefined))?.isDirectory();
  if (await isThere(dir)) return undefined;
  const above = path.dirname(path.resolve(dir));
  const made = await makeFolder(above);
  try {
    await mkdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await isThere(dir))) throw error;
    return made; // another process was faster
  }
  return made ?? dir;
}

/**
 * Writes a file so that its name holds either the old content or all of the new: into a temporary file beside
 * it, flushed to the disk, then renamed. Makes the folder if needed. On failure the temporary file is removed.
 * A link stays a link, to the new content; a device or pipe (/dev/stdout) is written to.
 */
export async function writeFileAtomic(file: string, bytes: Uint8Array | string): Promise<void> {
  await makeFolder(path.dirname(file));
  const found = await stat(file).catch(() => undefined);
  if (found && !found.isFile() && !found.isDirectory()) return writeFile(file, bytes);
  await replaceFile(found ? await realpath(file) : file, bytes);
}

/** The same where a name is to become this file whatever it was: a link there is replaced, not followed. */
export async function replaceFile(file: string, bytes: Uint8Array | string): Promise<void> {
  await writePieces(file, (handle) => handle.writeFile(bytes));
}

/**
 * The same for what is written piece by piece. Makes the folder if needed; on failure the temporary file is removed.
 * @param write into the temporary file
 */
export const writePieces = (file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> =>
  writeAside(
    file,
    (temporary) => writeFileSync(temporary, '', { flag: 'wx' }),
    async (temporary) => {
      const handle = await open(temporary, 'r+');
      try {
        await write(handle);
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
  );

/**
 * Lets `write` fill a file or a folder under a temporary name beside `place`, then renames it: `place` is whole or as it
 * was. Makes the folder around it if needed, and takes away what killed processes left half-written in it.
 * @param make makes what `write` fills; `mkdirSync`: a folder
 * @param write into it. It makes folders one by one (`makeFolder`): a recursive `mkdir` that is under way when the process
 *   is told to end would make what was removed anew
 * @throws OutputError naming `place` where the system refuses, what `write` throws
 */
export async function writeAside(
  place: string,
  make: (temporary: string) => void,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  await makeFolder(path.dirname(place)).catch((error: unknown) => {
    throw unwritten(place, error);
  });
  await clearTemporaries(path.dirname(place));
  const temporary = await temporaryBeside(place);
  await whileUnfinished(temporary, async () => {
    try {
      make(temporary);
      await write(temporary);
      await rename(temporary, place);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw unwritten(place, error);
    }
  });
}

/** The system's refusal to write, with the place that was meant: a full disk names none, a temporary name says nothing. */
export function unwritten(place: string, error: unknown): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const why = message.split(', ')[0]!;
  return Object.assign(new OutputError(`${place}: cannot be written: ${why}`, { cause: error }), { code });
}

/** A place that cannot be written to: where that can be known, said before the work, not after it. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/**
 * Tries whether a folder can be made, or be written to, without leaving a trace.
 * @param option how messages call it: `--out`
 * @throws OutputError
 */
export async function checkOutputFolder(dir: string, option: string): Promise<void> {
  const fail = (found: string): never => {
    throw new OutputError(`${option}: expected a folder that can be written to, found ${found}`);
  };
  let folder = path.resolve(dir);
  for (;;) {
    try {
      if (!(await stat(folder)).isDirectory()) fail(`the file ${folder}`);
      break;
    } catch (error) {
      if (error instanceof OutputError) throw error;
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' || path.dirname(folder) === folder) fail(`${folder}: ${code}`);
      folder = path.dirname(folder);
    }
  }
  const probe = await temporaryBeside(path.join(folder, 'probe'));
  await whileUnfinished(probe, async () => {
    try {
      mkdirSync(probe);
    } catch (error) {
      fail(`${folder}: ${(error as NodeJS.ErrnoException).code}`);
    }
    rmdirSync(probe);
  });
}

/** Refuses a folder for results that is the one with the inputs. @throws OutputError */
export async function checkApart(dir: string, option: string, input: string): Promise<void> {
  if ((await realPlace(dir)) === (await realPlace(input)))
    throw new OutputError(`${option}: expected another folder than that of the inputs, found ${dir}`);
}

/** As {@link checkOutputFolder}, for a file. @throws OutputError */
export async function checkOutputFile(file: string, option: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory())
    throw new OutputError(`${option}: expected a file to write, found the folder ${file}`);
  if (found && !found.isFile()) return;
  await checkOutputFolder(path.dirname(found ? await realpath(file) : file), option);
}

/** The path with all links resolved, of a file or folder that need not exist yet. */
export async function realPlace(file: string): Promise<string> {
  let known = path.resolve(file);
  const rest: string[] = [];
  for (;;) {
    try {
      return path.join(await realpath(known), ...rest);
    } catch {
      if (path.dirname(known) === known) return path.resolve(file);
      rest.unshift(path.basename(known));
      known = path.dirname(known);
    }
  }
}

/** `$XDG_CACHE_HOME/faprompt/<name>`, by default below ~/.cache. */
export const cacheFolder = (
  name: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string => path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'faprompt', name);
