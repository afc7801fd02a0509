// Whether a process that left something behind still runs.
import { readText } from './open.node.ts';

/** A process of this system. */
export interface ProcessId {
  readonly pid: number;
  /** When the process began, as its system counts; numbers of processes are used again. null: unknown. */
  readonly start: string | null;
}

/** This process. */
export const ownProcess = async (): Promise<ProcessId> => ({
  pid: process.pid,
  start: (await stateOf(process.pid)).start,
});

/** Whether it runs, as far as that can be known: what is in doubt is alive. */
export async function isAlive({ pid, start }: ProcessId): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // somebody else's
  }
  const now = await stateOf(pid);
  if (now.state === 'Z' || now.state === 'X') return false; // dead, and its parent has not asked yet
  return now.start === null || start === null || now.start === start;
}

/** Linux: a process's state, and the ticks from boot to its start; null where they cannot be known. */
async function stateOf(
  pid: number,
): Promise<{ readonly state: string | null; readonly start: string | null }> {
  const status = await readText(`/proc/${pid}/stat`, 65536).catch(() => '');
  // The name, in brackets, may hold anything; the state follows, the start is the 20th field behind it.
  const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] || null, start: fields[19] ?? null };
}
