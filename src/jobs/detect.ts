// The work of `faprompt detect`.

import { checkOutputFolder, realPlace } from '../base/files.node.ts';
import { lockFolder } from '../base/lock.node.ts';
import type { Range } from '../data/heatmap.ts';
import { checkMethodOptions, choosePrompts, type MethodChoice, thresholdOf } from './choice.ts';
import { createDrawing, type Drawing } from './detect-pictures.node.ts';
import { createResults, type Results } from './detect-results.ts';
import { createDetector, type Detector, perPromptInTiles } from './detection.ts';
import { type ListedImages, listImages, type Target, unreadableProblem, watchImages } from './inputs.node.ts';
import { ExitError, type Io, UsageError } from './io.ts';
import { createProgress } from './progress.ts';
import { withClipAgain } from './recovery.ts';
import { checkResults } from './results.node.ts';
import { type CacheOptions, openFeatures, promptsSettings } from './session.ts';
import { ofShard, type Shard } from './shards.ts';

export interface DetectJob extends CacheOptions, MethodChoice {
  readonly clip: string;
  readonly out?: string;
  readonly range: Range | 'image';
  /** false: --no-threshold. */
  readonly threshold?: number | false;
  readonly shard?: Shard;
  readonly watch?: string;
  readonly interval: number;
  readonly json?: boolean;
  readonly jsonLines?: boolean;
  /** Show each abnormality prompt alone, too. */
  readonly perPrompt?: boolean;
}

/** Exit code when every image was read and at least one is anomalous; 1 is for errors. */
export const anomalousExit = 2;
const interruptedExit = 130;
const ending = 'interrupted: finishing the images under way (interrupt again to stop at once)';

/** No further items after an interrupt: those that were begun still get their rows, as their pictures are there. */
function* untilAborted<Item>(items: readonly Item[], signal: AbortSignal): Generator<Item> {
  for (const item of items) {
    if (signal.aborted) return;
    yield item;
  }
}

function checkOptions(
  images: readonly string[],
  { json, jsonLines, watch, shard, perPrompt, tiles }: DetectJob,
): void {
  if (images.length === 0 && watch === undefined) throw new UsageError('expected images, or --watch DIR');
  if (json && jsonLines) throw new UsageError('--json and --json-lines: expected one of them');
  if (shard && watch !== undefined) throw new UsageError('--shard: not with --watch');
  if (json && watch !== undefined) throw new UsageError('--json cannot end with --watch: use --json-lines');
  if (perPrompt && typeof tiles === 'number') throw new UsageError(perPromptInTiles);
}

/** What can be known before the work: where results go, and that they replace nothing of the user's. */
async function checkPlaces(targets: readonly Target[], { out, watch }: DetectJob): Promise<void> {
  if (out === undefined) return;
  await checkOutputFolder(out, '--out');
  await checkResults(targets, out);
  if (watch !== undefined && (await realPlace(watch)) === (await realPlace(out)))
    throw new UsageError(`--out: expected another folder than the watched one, found ${out}`);
}

export async function detect(io: Io, inputs: readonly string[], job: DetectJob): Promise<void> {
  checkOptions(inputs, job);
  checkMethodOptions(job);
  const { out, shard } = job;
  const found = await listImages(inputs, out);
  const listed = { ...found, targets: ofShard(found.targets, shard) };
  await checkPlaces(listed.targets, job);
  const work = () => detectListed(io, listed, job, inputs.length > 0);
  // Shards share a folder: their files are different ones.
  const lock = shard && `.faprompt.${shard.index}-of-${shard.count}.lock`;
  await (out === undefined ? work() : lockFolder(out, work, lock));
}

interface Work {
  /** Images under way, and how many of them are done; outlives a device that is lost. */
  readonly queue: { images: readonly Target[]; done: number };
  readonly results: Results;
  readonly draw: Drawing;
  /** To be called when an image is done. */
  readonly progress: () => void;
  readonly signal: AbortSignal;
}

/** @param asked whether images were named, or only a folder to watch */
async function detectListed(
  io: Io,
  { targets, notes, unreadable }: ListedImages,
  job: DetectJob,
  asked: boolean,
): Promise<void> {
  const results = createResults(io, job, targets.length);
  for (const note of notes) io.note(`note: ${note}`);
  for (const { file, reason } of unreadable) results.report(file, unreadableProblem(file, reason));
  const draw = createDrawing(job.out, job.range);
  const stop = new AbortController();
  const forget = io.onInterrupt(() => stop.abort());
  const queue: Work['queue'] = { images: targets, done: 0 };
  let whole = false;
  let arrivals: AsyncGenerator<Target[], void> | undefined;
  try {
    await withClipAgain(io, job.clip, async (session, progress) => {
      const chosen = await choosePrompts(io, session, job);
      results.began(chosen, thresholdOf(chosen, job.threshold));
      const { prompts } = chosen;
      const features = openFeatures(io, session, promptsSettings(session, prompts), job);
      const detector = await createDetector(io, session, { prompts, features }, job);
      const work = { queue, results, draw, progress, signal: stop.signal };
      try {
        if (!arrivals) {
          whole = targets.length === 0 || (!stop.signal.aborted && (await drain(io, detector, work, true)));
          if (!whole || job.watch === undefined) return;
          arrivals = await watch(io, job.watch, job.interval, { results, signal: stop.signal });
        } else await drain(io, detector, work, false);
        // Not `for await`, which would end the watch where a device is lost.
        for (let next = await arrivals.next(); !next.done; next = await arrivals.next()) {
          Object.assign(queue, { images: next.value, done: 0 });
          await drain(io, detector, work, false);
        }
      } finally {
        detector.dispose();
        features.dispose();
      }
    });
  } finally {
    forget();
  }
  if (asked) await results.write(!whole);
  if (!whole) throw new ExitError(interruptedExit);
  if (results.failed) throw new ExitError(1);
  if (results.fails > 0 && job.watch === undefined) throw new ExitError(anomalousExit);
}

/** Goes on with the queue. @returns false if interrupted */
async function drain(
  io: Io,
  detector: Detector,
  { queue, results, draw, progress, signal }: Work,
  withBar: boolean,
): Promise<boolean> {
  const { images } = queue;
  const options = { unit: 'image', start: queue.done };
  const bar = withBar ? createProgress(io, 'detecting', images.length, options) : undefined;
  const notes = bar ?? io;
  const sayEnd = () => notes.note(ending);
  signal.addEventListener('abort', sayEnd);
  try {
    const begun = untilAborted(images.slice(queue.done), signal);
    for await (const { found, pictures } of detector.detect(begun, ({ file }) => file, draw)) {
      if ('problem' in found) results.report(found.item.file, found.problem.message, notes);
      else results.add(found, pictures, notes);
      queue.done++;
      bar?.update(queue.done);
      progress();
    }
    return queue.done === images.length;
  } finally {
    signal.removeEventListener('abort', sayEnd);
    bar?.stop();
  }
}

/** Images that arrive in a folder; says when it cannot be read. */
async function watch(
  io: Io,
  dir: string,
  interval: number,
  { results, signal }: Pick<Work, 'results' | 'signal'>,
): Promise<AsyncGenerator<Target[], void>> {
  results.watching();
  const onTrouble = (reason: string | undefined): void => {
    if (reason === undefined) io.note(`${dir} can be read again`);
    else results.report(dir, `${dir}: expected the watched folder, found ${reason}; waiting for it`);
  };
  const arrivals = await watchImages(dir, { interval, signal, onTrouble });
  io.note(`watching ${dir}; interrupt to end`);
  return arrivals;
}
