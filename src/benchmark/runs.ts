// What a benchmark consists of: runs that do not depend on each other, and the shell commands that make them.

import { visible } from '../base/text.ts';
import type { Method, Schedule } from '../model/methods/method.ts';
import type { BenchmarkConfig, ClipSource, DataSource, TestSource } from './config.ts';
import { seedPlaceholder } from './config.ts';

/** One training (none for a method that learns nothing), and the evaluation on every data set that it serves. */
export interface Run {
  /** Also its folder: CLIP/method/training set-seed. */
  readonly id: string;
  readonly clip: ClipSource;
  readonly method: Method;
  /** null: nothing here depends on a seed. */
  readonly seed: number | null;
  /** null: nothing is trained. */
  readonly train: DataSource | null;
  readonly test: readonly TestSource[];
}

const hasSeed = ({ data }: DataSource): boolean => data.includes(seedPlaceholder);

const withSeed = <T extends DataSource>(source: T, seed: number | null): T => ({
  ...source,
  data: source.data.replaceAll(seedPlaceholder, String(seed)),
});

/** How a run's method is trained: as the configuration says, or as the method has it; null: not at all. */
export function scheduleOf(config: BenchmarkConfig, { method: { learning } }: Run): Schedule | null {
  if (!learning) return null;
  const { epochs, batch, learningRate } = learning.schedule;
  const { largestBatch = Number.POSITIVE_INFINITY } = learning;
  return {
    epochs: config.epochs ?? epochs,
    batch: Math.min(config.batch ?? batch, largestBatch),
    learningRate: config.learningRate ?? learningRate,
  };
}

/** In the order in which they are run: seed by seed, so that first figures of all methods come early. */
export function benchmarkRuns(config: BenchmarkConfig): Run[] {
  const { clips, methods, seeds } = config;
  return clips.flatMap((clip) =>
    [...seeds.keys()].flatMap((i) =>
      methods
        .filter((method) => serves(config, clip, method))
        .flatMap((method) => runsOf(config, clip, method, i)),
    ),
  );
}

/** Whether a method is run on a CLIP: on those that name it, or where none does on those that name no methods. */
export function serves(
  { clips }: Pick<BenchmarkConfig, 'clips'>,
  clip: ClipSource,
  { name }: Method,
): boolean {
  const named = clips.filter(({ methods }) => methods?.includes(name));
  return named.length > 0 ? named.includes(clip) : clip.methods === undefined;
}

function runsOf(config: BenchmarkConfig, clip: ClipSource, method: Method, i: number): Run[] {
  const seed = config.seeds[i]!;
  const folder = `${clip.name}/${method.name}`;
  if (!method.learning) {
    const seeded = config.test.some(hasSeed);
    if (i > 0 && !seeded) return [];
    const own = seeded ? seed : null;
    const test = config.test.map((source) => withSeed(source, own));
    return [{ id: `${folder}/${seeded ? seed : 'fixed'}`, clip, method, seed: own, train: null, test }];
  }
  const trains = new Map<string, DataSource>();
  for (const { train = config.train } of config.test) trains.set(train.name, train);
  return [...trains.values()].map((train) => ({
    id: `${folder}/${train.name}-${seed}`,
    clip,
    method,
    seed,
    train: withSeed(train, seed),
    test: config.test
      .filter((source) => (source.train ?? config.train).name === train.name)
      .map((source) => withSeed(source, seed)),
  }));
}

/** All data sets that runs of a CLIP read, each once. */
export function dataOf(runs: readonly Run[]): DataSource[] {
  const all = runs.flatMap(({ train, test }) => [...(train ? [train] : []), ...test]);
  return [...new Map(all.map((source) => [JSON.stringify([source.data, source.split]), source])).values()];
}

/** Shell commands of three stages; those of one do not depend on each other. */
export interface Plan {
  /** Image features of each CLIP, so that no two runs compute them. */
  readonly features: readonly string[];
  readonly runs: readonly string[];
  readonly tables: readonly string[];
}

/**
 * @param program how faprompt is called, as the shell reads it
 * @param words the benchmark's own command and configuration file
 */
export function benchmarkPlan(config: BenchmarkConfig, program: string, words: readonly string[]): Plan {
  const command = (...more: string[]) => [program, ...[...words, ...more].map(shellWord)].join(' ');
  return {
    features: config.clips.map(({ name }) => command('--features', name)),
    runs: benchmarkRuns(config).map(({ id }) => command('--run', id)),
    tables: [command('--tables')],
  };
}

/**
 * A word as POSIX shells read it, on one line whatever is in it: what cannot be shown is written by printf.
 * @throws RangeError for a word that ends in a line break, which a shell cannot keep on one line
 */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (visible(word) === word) return `'${word.replaceAll("'", "'\\''")}'`;
  if (word.endsWith('\n')) throw new RangeError(`expected a path without a final line break, found ${word}`);
  const format = [...word].map((character) => {
    if (visible(character) !== character) return [...new TextEncoder().encode(character)].map(octal).join('');
    return character.replace(/[\\%]/, '$&$&').replace("'", "'\\''");
  });
  return `"$(printf '${format.join('')}')"`;
}

const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, '0')}`;
