// One run at a time in a folder: a file that says which process is at work there.
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { link, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { makeFolder, OutputError } from './files.node.ts';
import { readText } from './open.node.ts';
import { isAlive, ownProcess, type ProcessId } from './process.node.ts';
import { temporaryBeside } from './temporary.node.ts';
import { whileUnfinished } from './unfinished.node.ts';

export const lockName = '.faprompt.lock';

/** Who holds a lock. */
interface Holder extends ProcessId {
  readonly host: string;
  /** Tells two locks of one process apart. */
  readonly id: string;
}

/**
 * Runs `work` while no other process (and nobody else in this one) has the folder. The lock of a process that is gone,
 * killed say, does not count; one of another machine (a network drive) always does.
 * Makes the folder if needed; one in which nothing was written goes again, so that work which refuses leaves no trace.
 * @param name of the file, where a folder has more than one use
 * @throws OutputError naming the process that has it
 */
export async function lockFolder<T>(dir: string, work: () => Promise<T>, name = lockName): Promise<T> {
  const made = await makeFolder(dir);
  const file = path.join(dir, name);
  const own: Holder = { ...(await ownProcess()), host: os.hostname(), id: randomUUID() };
  await take(file, own);
  try {
    return await work();
  } finally {
    if ((await holderOf(file))?.id === own.id) await rm(file, { force: true });
    if (made !== undefined) await removeEmpty(dir, made);
  }
}

/** Removes a folder and those above it, up to `last`, as long as there is nothing in them. */
async function removeEmpty(dir: string, last: string): Promise<void> {
  for (let folder = path.resolve(dir); ; folder = path.dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      return; // not empty, or somebody else's business
    }
    if (folder === path.resolve(last)) return;
  }
}

async function take(file: string, own: Holder): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    if (await create(file, own)) return;
    const holder = await holderOf(file);
    if (holder !== undefined && (await isThere(holder))) {
      // A process that was killed a moment ago needs one to be gone.
      if (attempt < 4) {
        await setTimeout(100);
        continue;
      }
      const who = holder.host === os.hostname() ? '' : ` on ${holder.host}`;
      throw new OutputError(
        `${path.dirname(file)}: expected a folder in which no other run is at work, found process ${holder.pid}${who} (if there is none, remove ${file})`,
      );
    }
    await removeStale(file, holder);
  }
  throw new OutputError(`${file}: expected a lock that can be taken, found others that take it`);
}

/** Whole at once: it is made elsewhere and linked, which fails where there is one. */
async function create(file: string, own: Holder): Promise<boolean> {
  const made = await temporaryBeside(file);
  return whileUnfinished(made, async () => {
    try {
      writeFileSync(made, JSON.stringify(own), { flag: 'wx' });
      await link(made, file);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return false;
      // File systems without links (FAT).
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
      return await createUnlinked(file, own);
    } finally {
      await rm(made, { force: true });
    }
  });
}

async function createUnlinked(file: string, own: Holder): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify(own), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/** So long a file that says "a stale lock is being taken away" counts, in ms: that takes a moment. */
const removalTime = 5000;

/**
 * Takes the very lock away that was looked at. One process at a time does: else one could take away the lock that
 * another, which saw the stale one go, has just made.
 */
async function removeStale(file: string, holder: Holder | undefined): Promise<void> {
  const guard = `${file}.stale`;
  try {
    await writeFile(guard, '', { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const made = await stat(guard).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > removalTime) await rm(guard, { force: true });
    else await setTimeout(20);
    return;
  }
  try {
    // Now only its holder, who is gone, could change a stale lock.
    const text = await textOf(file);
    if (text !== undefined && parseHolder(text)?.id === holder?.id) await rm(file, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

const textOf = (file: string): Promise<string | undefined> => readText(file, 4096).catch(() => undefined);

/** undefined: no lock, or one that was cut while it was written. */
async function holderOf(file: string): Promise<Holder | undefined> {
  const text = await textOf(file);
  return text === undefined ? undefined : parseHolder(text);
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, start, host, id } = JSON.parse(text) as Partial<Holder>;
    if (!Number.isSafeInteger(pid) || typeof host !== 'string' || typeof id !== 'string') return undefined;
    return { pid: pid!, start: typeof start === 'string' ? start : null, host, id };
  } catch {
    return undefined;
  }
}

/** Of a process on another machine nothing is known: it counts. */
const isThere = async (holder: Holder): Promise<boolean> =>
  holder.host !== os.hostname() || (await isAlive(holder));
