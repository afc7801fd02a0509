import { expect, test } from 'vitest';
import { describeReport, goalOf } from '../bench/commands/peers.ts';
import { type Candidacy, compareLibraries } from '../bench/peers/compare.ts';
import { type Library, serve } from '../bench/peers/library.ts';
import { openOurs } from '../bench/peers/ours.ts';
import { type NamedProblem, type Problem, problems } from '../bench/peers/problems.ts';

const sequences = { batch: 2, length: 5, heads: 2, headDim: 64 };
const tiny: readonly Problem[] = [
  { kind: 'matmul', M: 17, K: 32, N: 9 },
  { kind: 'layernorm', rows: 9, width: 33 },
  { kind: 'softmax', rows: 40, width: 12 },
  { kind: 'quickgelu', rows: 5, width: 64 },
  { kind: 'attention', ...sequences, causal: true },
  { kind: 'attention', ...sequences, batch: 1, length: 21, causal: false },
  { kind: 'block', ...sequences, batch: 1, length: 21, causal: false },
  { kind: 'block gradient', ...sequences, batch: 4, causal: true },
];

const ours = await openOurs('test');

const worker = (library: Library): Candidacy => ({
  name: library.name,
  open: () => {
    const answer = serve(library);
    return { ask: async (request) => (await answer(request)) as never, close: async () => {} };
  },
});

/** Another library, made from ours. */
const variation = (change: Partial<Library>): Library => ({ ...ours, name: 'other', ...change });

const options = { rounds: 3, turnMilliseconds: 1 };

test.each(tiny.map((problem) => ({ name: problem.kind, problem })))(
  'ours solves $name as the float64 reference does',
  async (named) => {
    const comparison = await compareLibraries(
      named,
      { libraries: [worker(ours), worker(variation({}))] },
      1.5,
      options,
    );
    const [first, second] = comparison.results;
    for (const result of [first!, second!]) {
      expect(result.notes).toEqual([]);
      expect(result.error).toBeLessThan(1e-5);
      expect(result.milliseconds).toBeGreaterThan(0);
    }
    expect(comparison.ratio).toBeCloseTo(second!.milliseconds! / first!.milliseconds!);
  },
);

const matmul: NamedProblem = { name: 'matmul', problem: tiny[0]! };

test('ours of another checkout is called what it is, and is what ours is held against', async () => {
  const before = { ...worker(ours), name: 'before' };
  const { results, best, ratio } = await compareLibraries(
    matmul,
    { libraries: [worker(ours), before] },
    1,
    options,
  );
  expect(results.map(({ library }) => library)).toEqual(['faprompt', 'before']);
  expect(best).toBe('before');
  expect(ratio).toBeCloseTo(results[1]!.milliseconds! / results[0]!.milliseconds!);
});

/** Results off by a little, in one place. */
const off = variation({
  forms: () => ['broken', 'right'],
  async prepare(problem, form) {
    const prepared = await ours.prepare(problem, form);
    return {
      ...prepared,
      async results(set) {
        const found = await prepared.results(set);
        if (form === 'broken') found.out![0]! += 0.01;
        return found;
      },
    };
  },
});

test('a wrong form is not timed; the next one is', async () => {
  const { results } = await compareLibraries(
    matmul,
    { libraries: [worker(ours), worker(off)] },
    1.5,
    options,
  );
  expect(results[1]!.form).toBe('right');
  expect(results[1]!.notes).toEqual([expect.stringMatching(/^broken: wrong by/)]);
});

test('a library that is wrong, fails or offers nothing has no time, and no ratio comes of it', async () => {
  const wrong = variation({ ...off, forms: () => ['broken'] });
  const failing = variation({ prepare: () => Promise.reject(new Error('no such kernel')) });
  const without = variation({ forms: () => [] });
  const comparison = await compareLibraries(
    matmul,
    { libraries: [worker(ours), worker(wrong), worker(failing), worker(without)] },
    1.5,
    options,
  );
  expect(comparison.ratio).toBeUndefined();
  expect(comparison.results.map((r) => r.milliseconds !== undefined)).toEqual([true, false, false, false]);
  expect(comparison.results.flatMap((r) => r.notes)).toEqual([
    expect.stringMatching(/wrong by/),
    'model: no such kernel',
    'not offered',
  ]);
  expect(describeReport([comparison])).toContain('no such kernel');
});

test('the report names what misses its goal', () => {
  const result = (library: string, milliseconds: number) => ({
    library,
    version: '1',
    adapter: 'a',
    milliseconds,
    notes: [],
  });
  const comparison = {
    date: '',
    results: [result('faprompt', 1), result('b', 3)],
    ratio: 3,
    best: 'b',
  };
  const text = describeReport([
    { ...comparison, problem: 'slow', goal: 4 },
    { ...comparison, problem: 'fast', goal: 1.5 },
  ]);
  expect(text).toContain('below the goal: slow (3.00 of 4)');
  const alone = { ...comparison, problem: 'alone', goal: 4, ratio: undefined, best: undefined };
  expect(describeReport([alone])).toContain('nothing to hold ours against');
});

test('goals: 4 for products and blocks on a software adapter, else 1.5', () => {
  const goals = problems.map(({ problem }) => [problem.kind, goalOf(problem, true), goalOf(problem, false)]);
  for (const [kind, software, gpu] of goals) {
    expect(software).toBe(['matmul', 'block', 'block gradient'].includes(kind as string) ? 4 : 1.5);
    expect(gpu).toBe(1.5);
  }
});
