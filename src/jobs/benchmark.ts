// Makes the results of a benchmark that are not there yet.

import path from 'node:path';
import { lockFolder } from '../base/lock.node.ts';
import { prefetch } from '../base/prefetch.ts';
import type { BenchmarkConfig, ClipSource, DataSource } from '../benchmark/config.ts';
import { readResult } from '../benchmark/folder.node.ts';
import { imageSizeOf } from '../benchmark/results.ts';
import { benchmarkRuns, dataOf, type Run, scheduleOf, serves } from '../benchmark/runs.ts';
import { needsKey } from '../model/clip/needs.ts';
import type { Method } from '../model/methods/method.ts';
import { TrainingError } from '../train/errors.ts';
import { hashSamples } from '../train/images.node.ts';
import { isImageProblem } from '../train/images.ts';
import { type Bench, featuresOf, makeRun } from './benchmark-run.ts';
import { createEstimate } from './estimate.ts';
import { type Io, UsageError } from './io.ts';
import { createProgress } from './progress.ts';
import { imageOptions, openSamples, withClip } from './session.ts';

export interface BenchmarkJob {
  /** Folder of the image feature cache. */
  readonly cache: string;
  /** Only this run. */
  readonly run?: string | undefined;
}

export interface BenchmarkOutcome {
  /** false: interrupted. */
  readonly finished: boolean;
  /** Runs that failed, by id. */
  readonly failed: readonly string[];
}

/**
 * Trains and evaluates what is missing, or goes on with it. Ctrl-C stops after the step or image under way.
 * @throws BenchmarkError for results of other settings, and what opening data sets and CLIPs throws
 */
export async function runBenchmark(
  io: Io,
  config: BenchmarkConfig,
  { cache, run: only }: BenchmarkJob,
): Promise<BenchmarkOutcome> {
  const runs = benchmarkRuns(config).filter(({ id }) => only === undefined || id === only);
  if (runs.length === 0)
    throw new UsageError(
      `--run: expected one of ${benchmarkRuns(config)
        .map(({ id }) => id)
        .join(', ')}, found ${only}`,
    );
  const failed: string[] = [];
  for (const clip of config.clips) {
    const pending: Run[] = [];
    for (const run of runs) if (run.clip === clip && !(await isDone(config, run))) pending.push(run);
    if (pending.length === 0) continue;
    const finished = await withBench(io, { config, clip, cache }, async (bench) => {
      const estimate = createEstimate(await workOf(bench, pending));
      for (const [i, run] of pending.entries()) {
        io.note(`run ${i + 1} of ${pending.length}: ${run.id}`);
        try {
          const make = () => makeRun(bench, run, estimate);
          if (!(await lockFolder(path.join(config.out, run.id), make))) return false;
        } catch (error) {
          if (!(error instanceof TrainingError)) throw error;
          io.note(`error: ${run.id}: ${error.message}`);
          failed.push(run.id);
        }
      }
      return true;
    });
    if (!finished) return { finished, failed };
  }
  return { finished: true, failed };
}

/** Fills the cache with the features of every image of a CLIP's runs. @returns false if interrupted */
export async function benchmarkFeatures(
  io: Io,
  config: BenchmarkConfig,
  { cache, clip: name }: { cache: string; clip: string },
): Promise<boolean> {
  const clip = config.clips.find((each) => each.name === name);
  if (!clip)
    throw new UsageError(
      `--features: expected one of ${config.clips.map((each) => each.name).join(', ')}, found ${name}`,
    );
  return withBench(io, { config, clip, cache }, async (bench) => {
    const files = new Set<string>();
    for (const source of dataOf(benchmarkRuns(config)))
      for (const { image } of (await bench.open(source)).dataset.samples) files.add(image);
    const own = config.methods.filter((method) => serves(config, clip, method));
    const kinds = distinctNeeds(own, bench.settingsOf);
    const bar = createProgress(io, `features, ${name}`, kinds.length * files.size, {
      unit: 'image',
    });
    const counts = { encoded: 0, cached: 0 };
    let done = 0;
    try {
      for (const method of kinds) {
        const features = featuresOf(bench, method);
        const load = (file: string) =>
          features.load(file).then(
            () => undefined,
            (error: unknown) => {
              if (!isImageProblem(error)) throw error;
              bar.note(`skipped: ${error.message}`);
            },
          );
        try {
          for await (const _ of prefetch(files, load, features.ahead)) {
            bar.update(++done);
            if (bench.signal.aborted) return false;
          }
        } finally {
          counts.encoded += features.counts.encoded;
          counts.cached += features.counts.cached;
          features.dispose();
        }
      }
    } finally {
      bar.stop();
    }
    io.note(
      `${name}: features of ${counts.encoded} images encoded, ${counts.cached} were in the cache (${kinds.length} ${kinds.length === 1 ? 'kind' : 'kinds'} of features)`,
    );
    return true;
  });
}

async function isDone(config: BenchmarkConfig, run: Run): Promise<boolean> {
  for (const { name } of run.test) if (!(await readResult(config, run, name))) return false;
  return true;
}

async function withBench<T>(
  io: Io,
  { config, clip, cache }: Pick<Bench, 'config' | 'cache'> & { readonly clip: ClipSource },
  work: (bench: Bench) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const stopListening = io.onInterrupt(() => abort.abort());
  const opened = new Map<string, ReturnType<Bench['open']>>();
  const open: Bench['open'] = ({ data, split }) => {
    const key = JSON.stringify([data, split]);
    const found =
      opened.get(key) ??
      openSamples(io, data, split).then(({ dataset, skipped }) => ({
        dataset,
        skipped,
        hash: hashSamples(dataset),
      }));
    opened.set(key, found);
    return found;
  };
  try {
    return await withClip(io, clip.weights, async (session) => {
      const settingsOf = (method: Method) =>
        imageOptions(session.clip.config, method, {
          imageSize: imageSizeOf(config, clip),
          dualLayers: config.dualLayers,
        });
      return work({ io, config, cache, session, settingsOf, open, signal: abort.signal });
    });
  } finally {
    stopListening();
  }
}

/** Methods that take different things from the image encoder, one of each kind: features are encoded once per kind. */
export const distinctNeeds = (methods: readonly Method[], settingsOf: Bench['settingsOf']): Method[] => [
  ...new Map(methods.map((method) => [needsKey(settingsOf(method).needs), method] as const)).values(),
];

/** Images that runs train on, epoch by epoch, and evaluate. */
async function workOf({ config, open }: Bench, runs: readonly Run[]) {
  const work = { training: 0, evaluation: 0 };
  const count = async (source: DataSource) => (await open(source)).dataset.samples.length;
  for (const run of runs) {
    const { train, test } = run;
    if (train) work.training += scheduleOf(config, run)!.epochs * (await count(train));
    for (const source of test) work.evaluation += await count(source);
  }
  return work;
}
