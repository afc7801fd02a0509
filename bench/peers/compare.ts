// One problem on every library: each result checked, then timed in turn, so that all see the same machine.
import { summary } from '../output.ts';
import type { Replies, Request } from './library.ts';
import { flopsOf, type NamedProblem } from './problems.ts';
import { reference } from './reference.ts';

/** A library in a process or a page of its own, which lasts for one problem. */
export interface Worker {
  ask<R extends Request>(request: R): Promise<Replies[R['do']]>;
  close(): Promise<void>;
}

/** How a library's worker is opened. */
export interface Candidacy {
  readonly name: string;
  readonly open: () => Worker;
}

export interface LibraryResult {
  readonly library: string;
  readonly version: string;
  readonly adapter: string;
  /** How the problem was written. */
  readonly form?: string;
  /** Largest error as a fraction of the reference's largest magnitude. */
  readonly error?: number;
  readonly firstMilliseconds?: number;
  readonly milliseconds?: number;
  readonly spread?: number;
  readonly gflops?: number;
  /** For orientation only: not a WebGPU library, not in the ratio. */
  readonly orientation?: boolean;
  /** Why it has no time, or which better form was not used. */
  readonly notes: readonly string[];
}

export interface Comparison {
  readonly problem: string;
  readonly date: string;
  readonly results: readonly LibraryResult[];
  /** Time of the best other WebGPU library / ours; undefined where none computes it rightly. */
  readonly ratio?: number;
  readonly best?: string;
  /** Ratio that is aimed at. */
  readonly goal: number;
}

/** Relative to the largest magnitude: f32 arithmetic of any order stays well below, a wrong kernel does not. */
const tolerance = 1e-4;

interface Candidate {
  readonly about: Omit<LibraryResult, 'notes'>;
  readonly notes: string[];
  readonly worker?: Worker;
  readonly calls: number;
  readonly times: number[];
}

export interface CompareOptions {
  readonly rounds: number;
  /** Least time of one library's turn in a round. */
  readonly turnMilliseconds: number;
}

export interface Compared {
  /** Ours first. */
  readonly libraries: readonly Candidacy[];
  /** Measured beside them. */
  readonly orientation?: readonly Candidacy[];
}

export async function compareLibraries(
  { name, problem }: NamedProblem,
  { libraries, orientation = [] }: Compared,
  goal: number,
  { rounds, turnMilliseconds }: CompareOptions,
): Promise<Comparison> {
  const expected = reference(problem, 1);
  const candidates: Candidate[] = [];
  try {
    for (const library of [...libraries, ...orientation])
      candidates.push(await admit(library, problem, expected, turnMilliseconds));
    for (let round = 0; round < rounds; round += 1) {
      for (const { worker, calls, times } of candidates) {
        if (worker) times.push((await worker.ask({ do: 'time', calls })).milliseconds);
      }
    }
  } finally {
    for (const { worker } of candidates) await worker?.close();
  }
  const results = candidates.map(({ about, notes: found, times }, i): LibraryResult => {
    const notes = { notes: found, ...(i >= libraries.length ? { orientation: true } : {}) };
    if (times.length === 0) return { ...about, ...notes };
    const { median, spread } = summary(times);
    return { ...about, milliseconds: median, spread, gflops: flopsOf(problem) / median / 1e6, ...notes };
  });
  const [ours, ...others] = results;
  const best = others
    .filter((r) => r.milliseconds !== undefined && !r.orientation)
    .sort((a, b) => a.milliseconds! - b.milliseconds!)[0];
  return {
    problem: name,
    date: new Date().toISOString(),
    results,
    goal,
    ...(best && ours?.milliseconds
      ? { ratio: best.milliseconds! / ours.milliseconds, best: best.library }
      : {}),
  };
}

/** The library's best form whose result is right, warm and with the number of calls that fill a turn. */
async function admit(
  { name, open }: Candidacy,
  problem: NamedProblem['problem'],
  expected: Record<string, Float64Array>,
  turnMilliseconds: number,
): Promise<Candidate> {
  const notes: string[] = [];
  let worker = open();
  let described: Replies['describe'];
  try {
    described = await worker.ask({ do: 'describe', problem });
  } catch (failure) {
    await worker.close();
    const about = { library: name, version: '', adapter: '' };
    return { about, notes: [firstLine(failure)], calls: 0, times: [] };
  }
  const { forms, name: own, ...about } = described;
  const library = name === 'before' ? name : own; // the same one, of another checkout
  for (const form of forms) {
    try {
      const { milliseconds: firstMilliseconds } = await worker.ask({ do: 'prepare', problem, form });
      const error = worst(await worker.ask({ do: 'sample', set: 1 }), expected);
      if (error <= tolerance) {
        const { milliseconds } = await worker.ask({ do: 'time', calls: 1 });
        const calls = Math.max(1, Math.min(200, Math.round(turnMilliseconds / milliseconds)));
        return {
          about: { library, ...about, form, error, firstMilliseconds },
          notes,
          worker,
          calls,
          times: [],
        };
      }
      notes.push(`${form}: wrong by ${error.toExponential(1)}`);
    } catch (failure) {
      notes.push(`${form}: ${firstLine(failure)}`);
    }
    await worker.close();
    worker = open();
  }
  await worker.close();
  if (forms.length === 0) notes.push('not offered');
  return { about: { library, ...about }, notes, calls: 0, times: [] };
}

const firstLine = (failure: unknown): string =>
  (failure instanceof Error ? failure.message : String(failure)).split('\n')[0]!.slice(0, 160);

/** Largest error of any output, as a fraction of that output's largest magnitude. */
function worst(found: Record<string, number[]>, expected: Record<string, Float64Array>): number {
  let error = 0;
  for (const [name, want] of Object.entries(expected)) {
    const got = found[name];
    if (got?.length !== want.length) return Number.POSITIVE_INFINITY;
    const scale = want.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
    want.forEach((value, i) => {
      const difference = Math.abs(value - got[i]!) / scale;
      error = Math.max(error, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    });
  }
  return error;
}
