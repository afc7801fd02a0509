// One run of a benchmark: trained, evaluated, measured, kept.
import path from 'node:path';
import type { BenchmarkConfig, DataSource, TestSource } from '../benchmark/config.ts';
import { readResult, saveResult, trainingFolder } from '../benchmark/folder.node.ts';
import { configuredSettings, type ResultSettings } from '../benchmark/results.ts';
import { type Run, scheduleOf } from '../benchmark/runs.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Method } from '../model/methods/method.ts';
import type { FeatureSource } from '../train/features/source.ts';
import { measureCost } from './benchmark-cost.ts';
import type { Estimate } from './estimate.ts';
import { evaluateScorers } from './evaluate.ts';
import { formatTime, type Io } from './io.ts';
import { createProgress } from './progress.ts';
import { type ClassScorers, methodScorers, openBoxes, promptsScorers } from './scorers.ts';
import { type ClipSession, type imageOptions, loadPrompts, openFeatures } from './session.ts';
import { trainToFolder } from './training-folder.ts';

/** A CLIP with the data sets of its runs. */
export interface Bench {
  readonly io: Io;
  readonly config: BenchmarkConfig;
  readonly cache: string;
  readonly session: ClipSession;
  /** Image size and needs of a method. */
  readonly settingsOf: (method: Method) => ReturnType<typeof imageOptions>;
  readonly open: (
    source: DataSource,
  ) => Promise<{ dataset: Dataset; hash: string; skipped: readonly string[] }>;
  readonly signal: AbortSignal;
}

export const featuresOf = (
  { io, session, settingsOf, cache, config }: Bench,
  method: Method,
): FeatureSource =>
  openFeatures(io, session, settingsOf(method), { cache, cachePrecision: config.precision });

/** @returns false if interrupted */
export async function makeRun(bench: Bench, run: Run, estimate: Estimate): Promise<boolean> {
  const { config, open, signal } = bench;
  const todo: TestSource[] = [];
  for (const test of run.test) {
    const done = await readResult(config, run, test.name, await resultSettings(bench, run, test));
    if (done) estimate.skip('evaluation', (await open(test)).dataset.samples.length);
    else todo.push(test);
  }
  const began = performance.now();
  if (run.train && !(await trainRun(bench, run, run.train))) return false;
  const training = performance.now() - began;
  if (run.train)
    estimate.did(
      'training',
      scheduleOf(config, run)!.epochs * (await open(run.train)).dataset.samples.length,
      training,
    );
  const features = featuresOf(bench, run.method);
  let cost: Cost | undefined;
  try {
    for (const test of todo)
      cost = await evaluateRun(bench, run, test, { features, training, cost, estimate });
    return true;
  } catch (error) {
    if (signal.aborted && error === signal.reason) return false;
    throw error;
  } finally {
    features.dispose();
  }
}

type Cost = Awaited<ReturnType<typeof measureCost>>;

/** What a result was made from: one of other settings is no result of this benchmark. */
async function resultSettings(
  { config, session, settingsOf, open }: Bench,
  run: Run,
  test: TestSource,
): Promise<ResultSettings> {
  const { imageSize, needs } = settingsOf(run.method);
  return {
    ...(configuredSettings(config, run) as ResultSettings),
    imageSize,
    needs,
    clip: session.sha256,
    train: run.train ? (await open(run.train)).hash : null,
    test: (await open(test)).hash,
    ...(run.method.usesBoxes ? { boxes: test.boxes ?? null } : {}),
  };
}

interface Evaluating {
  readonly features: FeatureSource;
  /** Milliseconds that the training took. */
  readonly training: number;
  /** What an image costs, once it was measured. */
  readonly cost: Cost | undefined;
  readonly estimate: Estimate;
}

/** Evaluates a run on one data set and saves the result. @returns what an image costs @throws the signal's reason */
async function evaluateRun(
  bench: Bench,
  run: Run,
  test: TestSource,
  { features, training, cost: known, estimate }: Evaluating,
): Promise<Cost | undefined> {
  const { config, io, session, settingsOf, signal } = bench;
  const { dataset, skipped } = await bench.open(test);
  const start = performance.now();
  const scorers = await scorersOf(bench, run, test);
  try {
    const bar = createProgress(io, `evaluating ${test.name}`, dataset.samples.length, { unit: 'image' });
    const problems = [...skipped];
    let done = 0;
    const setup = { gpu: session.gpu, features, size: settingsOf(run.method).imageSize, scorers };
    const evaluation = await evaluateScorers(setup, dataset, {
      problem({ file, problem }) {
        problems.push(file);
        bar.note(`skipped: ${problem.message}`);
      },
      sample() {
        signal.throwIfAborted();
        bar.update(++done);
      },
    }).finally(() => bar.stop());
    const elapsed = performance.now() - start;
    const [first] = dataset.samples;
    const measured =
      known ??
      (first && problems.length === 0
        ? await measureCost(io, session, { method: run.method, scorers, ...settingsOf(run.method) }, first)
        : undefined);
    await saveResult(config, run, {
      run: run.id,
      clip: run.clip.name,
      method: run.method.name,
      seed: run.seed,
      train: run.train?.name ?? null,
      test: test.name,
      settings: await resultSettings(bench, run, test),
      clipConfig: session.clip.config,
      evaluation,
      problems,
      seconds: { training: training / 1000, evaluation: elapsed / 1000, ...measured?.seconds },
      ...(measured ? { cost: measured.cost } : {}),
      environment: { adapter: session.gpu.description, node: process.version },
    });
    estimate.did('evaluation', dataset.samples.length, elapsed);
    const left = estimate.left();
    const about = left > 0 ? `; about ${formatTime(left)} left for this CLIP` : '';
    io.note(`${run.id}: ${test.name} done${about}`);
    return measured;
  } finally {
    scorers.dispose();
  }
}

/** @returns false if interrupted */
async function trainRun(
  { io, config, session, settingsOf, cache, open }: Bench,
  run: Run,
  source: DataSource,
) {
  const { method, seed, clip } = run;
  const schedule = scheduleOf(config, run);
  if (!schedule || seed === null) throw new TypeError(`${run.id} learns nothing`);
  const { epochs, batch, learningRate } = schedule;
  const { imageSize, dualLayers } = settingsOf(method);
  const { finished } = await trainToFolder(io, session, (await open(source)).dataset, {
    imageSize,
    dualLayers,
    method,
    vocabulary: clip.vocabulary,
    epochs,
    batch,
    seed,
    learningRate,
    cache,
    cachePrecision: config.precision,
    out: trainingFolder(config, run),
    resume: true,
    saveEvery: 50,
  });
  return finished;
}

async function scorersOf(
  { io, config, session, settingsOf }: Bench,
  run: Run,
  test: TestSource,
): Promise<ClassScorers> {
  const { method, clip } = run;
  const { vocabulary } = clip;
  if (!method.learning) return methodScorers(io, session, { method, ...settingsOf(method) }, { vocabulary });
  const file = path.join(trainingFolder(config, run), 'prompts.safetensors');
  const boxes = method.usesBoxes ? await openBoxes({ method }, test.boxes) : undefined;
  return promptsScorers(io, session, await loadPrompts(session, file), { vocabulary, boxes });
}
