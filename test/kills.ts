// Trainings that are killed outright (SIGKILL), again and again, at random moments, and resumed until they end.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createRandom } from '../src/base/random.ts';

/**
 * What a kill hit, as the folder shows afterwards. `starting`: the process had done no step; `step`: the last step of
 * the log has its checkpoint, the next was under way; `logged`: a step was logged, and its checkpoint not begun;
 * `writing`: a checkpoint (or the prompts) was being written; `ended`: it came too late.
 */
export type Phase = 'starting' | 'step' | 'logged' | 'writing' | 'ended';

export interface KillReport {
  readonly phases: Readonly<Record<Phase, number>>;
  /** Trainings that reached their end, and those of them whose prompts have other bytes than `whole`. */
  readonly finished: number;
  readonly different: number;
  /** Temporary files that lie in the folders of trainings that ended. */
  readonly leftOver: number;
}

export interface Kills {
  /** The built command line, and its arguments but for --out and --resume. */
  readonly command: readonly string[];
  readonly dir: string;
  readonly kills: number;
  readonly seed: number;
  /** The prompts of a run that nobody killed. */
  readonly whole: Uint8Array;
  readonly onKill?: (done: number, phase: Phase) => void;
}

const temporary = (name: string): boolean => /^\..*\.tmp$/.test(name);
const filesOf = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** Steps in the log, half a last line left out. */
function stepsIn(folder: string): number {
  const log = path.join(folder, 'log.jsonl');
  if (!existsSync(log)) return 0;
  return readFileSync(log, 'utf8')
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.includes('"step",')).length;
}

/** The step of the checkpoint: its metadata is JSON at the beginning of the file. */
async function savedStep(folder: string): Promise<number> {
  const file = path.join(folder, 'last.safetensors');
  if (!existsSync(file)) return 0;
  const text = (await readFile(file)).subarray(0, 4096).toString('latin1');
  return Number(/\\?"step\\?":\s*\\?"?(\d+)/.exec(text)?.[1] ?? Number.NaN);
}

/** Kills the process as soon as `ready` is true, after `delay` ms more; at once when a temporary file appears, if `onWrite`. */
async function killAt(
  child: ChildProcess,
  folder: string,
  { ready, delay, onWrite }: { ready: () => boolean; delay: number; onWrite: boolean },
): Promise<void> {
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const running = () => child.exitCode === null && child.signalCode === null;
  while (running() && !ready()) await Promise.race([ended, setTimeout(2)]);
  await Promise.race([ended, setTimeout(delay)]);
  if (onWrite && running()) {
    await new Promise<void>((resolve) => {
      const watcher = watch(folder, (_, name) => {
        if (name && temporary(name)) child.kill('SIGKILL');
      });
      void ended.then(() => {
        watcher.close();
        resolve();
      });
    });
  }
  child.kill('SIGKILL');
  await ended;
}

export async function killTrainings({
  command,
  dir,
  kills,
  seed,
  whole,
  onKill,
}: Kills): Promise<KillReport> {
  const random = createRandom(seed);
  const phases: Record<Phase, number> = { starting: 0, step: 0, logged: 0, writing: 0, ended: 0 };
  let [finished, different, leftOver, training] = [0, 0, 0, 0];
  await mkdir(dir, { recursive: true });
  const start = (folder: string, resume: boolean) =>
    spawn(process.execPath, [...command, '--out', folder, ...(resume ? ['--resume'] : [])], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  const begun = (folder: string) => existsSync(path.join(folder, 'log.jsonl'));
  const finish = async (folder: string) => {
    const child = start(folder, begun(folder));
    let note = '';
    child.stderr!.on('data', (bytes) => {
      note += bytes;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    if (code !== 0) throw new Error(`resumed after ${training} trainings: exit code ${code}: ${note}`);
  };
  const compare = async (folder: string) => {
    finished += 1;
    leftOver += filesOf(folder).filter(temporary).length;
    if (!(await readFile(path.join(folder, 'prompts.safetensors'))).equals(whole)) different += 1;
  };
  let folder = path.join(dir, 'training-0');
  const next = async () => {
    await compare(folder);
    training += 1;
    folder = path.join(dir, `training-${training}`);
  };
  for (let done = 0; done < kills; ) {
    const before = await savedStep(folder);
    const left = filesOf(folder).filter(temporary); // of earlier kills
    const child = start(folder, begun(folder));
    child.stderr!.resume();
    // One in eight anywhere, from the first millisecond on; half of the others while a file is being written.
    const anywhere = random.int(8) === 0;
    await killAt(child, folder, {
      ready: () => anywhere || stepsIn(folder) > before,
      delay: anywhere ? random.int(1500) : random.int(120),
      onWrite: !anywhere && random.int(2) === 0,
    });
    const [saved, logged] = [await savedStep(folder), stepsIn(folder)];
    const over = existsSync(path.join(folder, 'prompts.safetensors'));
    const half = filesOf(folder).filter((name) => temporary(name) && !left.includes(name));
    const phase: Phase = over
      ? 'ended'
      : half.length > 0 && logged > before // one at the start is the lock's
        ? 'writing'
        : logged > saved
          ? 'logged'
          : logged > before
            ? 'step'
            : 'starting';
    if (phase === 'ended') await next();
    else done += 1; // one that came too late is no kill
    phases[phase] += 1;
    onKill?.(done, phase);
  }
  await finish(folder);
  await compare(folder);
  return { phases, finished, different, leftOver };
}
