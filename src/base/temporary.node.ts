// Names of temporary files and folders, and their end: a process that is killed outright leaves what it was writing, and
// the next one that writes into the folder takes it away. So a name says whose it is.
import { createHash, randomUUID } from 'node:crypto';
import { opendir, readlink, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { isAlive, ownProcess } from './process.node.ts';

const pattern = /^\.faprompt-(?<place>[0-9a-f]{8})-(?<pid>\d{1,10})-(?<start>\d{1,20}|x)-[0-9a-f]{8}\.tmp$/;

/** Who writes: the machine, or the container (numbers of processes mean nothing outside of either), and the process. */
async function describeOwner(): Promise<{ readonly place: string; readonly name: string }> {
  const processes = await readlink('/proc/self/ns/pid').catch(() => '');
  const place = createHash('sha256').update(`${os.hostname()} ${processes}`).digest('hex').slice(0, 8);
  const { pid, start } = await ownProcess();
  return { place, name: `${place}-${pid}-${start ?? 'x'}` };
}
let described: ReturnType<typeof describeOwner> | undefined;
const owner = () => (described ??= describeOwner());

/**
 * A name for a temporary file or folder beside `file`: hidden, and short whatever the file is called, since a name that
 * is legal must not become too long.
 */
export const temporaryBeside = async (file: string): Promise<string> =>
  path.join(path.dirname(file), `.faprompt-${(await owner()).name}-${randomUUID().slice(0, 8)}.tmp`);

/** Folders that were looked through, a limited number: a watched folder may bring others for months. */
const cleared = new Map<string, Promise<void>>();
const mostCleared = 1000;

/**
 * Takes away what processes of this machine that are gone left half-written in a folder, when this process first writes
 * there. What another machine or container writes on a shared disk stays: nobody here knows whether that process lives.
 */
export function clearTemporaries(dir: string): Promise<void> {
  const folder = path.resolve(dir);
  let done = cleared.get(folder);
  if (!done) {
    // It is no reason to fail: what cannot be taken away lies there as before.
    done = clear(folder).catch(() => {});
    cleared.set(folder, done);
    if (cleared.size > mostCleared) cleared.delete(cleared.keys().next().value!);
  }
  return done;
}

async function clear(folder: string): Promise<void> {
  const { place } = await owner();
  // One by one: there may be millions.
  for await (const { name } of await opendir(folder)) {
    const found = pattern.exec(name)?.groups;
    if (found?.place !== place) continue;
    const start = found.start === 'x' ? null : found.start!;
    if (await isAlive({ pid: Number(found.pid), start })) continue;
    await rm(path.join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}
