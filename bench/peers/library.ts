// What a library must do to be compared, and what its process or page answers.
import { type Problem, rotation, sampledRows } from './problems.ts';

/**
 * A problem made ready: pipelines compiled where the library can do so ahead, operands on the GPU. Nothing is freed:
 * its process or page ends with it.
 */
export interface Prepared {
  /** Starts one computation on operand set `set`; its result stays on the GPU. */
  run(set: number): void | Promise<void>;
  /** Resolves once a value of the last result has been read back: everything before it is done. */
  finish(): Promise<void>;
  /** Every output of one computation, as rows in the problem's order. */
  results(set: number): Promise<Record<string, Float32Array>>;
}

export interface Library {
  readonly name: string;
  readonly version: string;
  /** The adapter as the library reports it. */
  readonly adapter: string;
  /** Ways to write a problem, the library's own best first; none: it does not offer this computation on WebGPU. */
  forms(problem: Problem): readonly string[];
  prepare(problem: Problem, form: string): Promise<Prepared>;
}

export type Request =
  | { readonly do: 'describe'; readonly problem: Problem }
  | { readonly do: 'prepare'; readonly problem: Problem; readonly form: string }
  | { readonly do: 'sample'; readonly set: number }
  | { readonly do: 'time'; readonly calls: number };

export interface Replies {
  describe: { name: string; version: string; adapter: string; forms: readonly string[] };
  /** Until the first result is there: compiling, and what the library does on a first run. */
  prepare: { milliseconds: number };
  /** The sampled rows of every output. */
  sample: Record<string, number[]>;
  time: { milliseconds: number };
}

/** Answers requests one after the other. */
export function serve(library: Library): (request: Request) => Promise<Replies[Request['do']]> {
  let current: { prepared: Prepared; problem: Problem } | undefined;
  let calls = 0;
  const ready = () => {
    if (!current) throw new Error('no problem is prepared');
    return current;
  };
  return async (request) => {
    switch (request.do) {
      case 'describe':
        return {
          name: library.name,
          version: library.version,
          adapter: library.adapter,
          forms: library.forms(request.problem),
        };
      case 'prepare': {
        const start = performance.now();
        const prepared = await library.prepare(request.problem, request.form);
        await prepared.run(0);
        await prepared.finish();
        current = { prepared, problem: request.problem };
        return { milliseconds: performance.now() - start };
      }
      case 'sample': {
        const { prepared, problem } = ready();
        const rows = sampledRows(problem);
        const total = rowsOf(problem);
        return Object.fromEntries(
          Object.entries(await prepared.results(request.set)).map(([name, data]) => {
            const width = data.length / total;
            return [name, rows.flatMap((row) => [...data.subarray(row * width, (row + 1) * width)])];
          }),
        );
      }
      case 'time': {
        const { prepared } = ready();
        const start = performance.now();
        for (let i = 0; i < request.calls; i += 1) {
          await prepared.run(calls % rotation);
          calls += 1;
        }
        await prepared.finish();
        return { milliseconds: (performance.now() - start) / request.calls };
      }
    }
  };
}

function rowsOf(problem: Problem): number {
  switch (problem.kind) {
    case 'matmul':
      return problem.M;
    case 'layernorm':
    case 'softmax':
    case 'quickgelu':
      return problem.rows;
    default:
      return problem.batch * problem.length;
  }
}
