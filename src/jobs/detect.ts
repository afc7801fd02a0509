// The work of `faprompt detect`.

import path from 'node:path';
import { createBudget } from '../base/budget.ts';
import { checkOutputFolder, realPlace, writeFileAtomic } from '../base/files.node.ts';
import { lockFolder } from '../base/lock.node.ts';
import { visible, visibleJson } from '../base/text.ts';
import type { TileOptions } from '../base/tile-options.ts';
import type { Range } from '../data/heatmap.ts';
import { isAnomalous } from '../model/faprompt/verdict.ts';
import { type Chosen, checkMethodOptions, choosePrompts, type MethodChoice, thresholdOf } from './choice.ts';
import { pictureProblem, writePictures } from './detect-pictures.node.ts';
import { type Pictures, type Row, rowOf } from './detect-rows.ts';
import { createDetector, type Found, type Outcome, perPromptInTiles } from './detection.ts';
import { listImages, type Target, unreadableProblem, watchImages } from './inputs.node.ts';
import { ExitError, type Io, UsageError } from './io.ts';
import { createProgress } from './progress.ts';
import { withClipAgain } from './recovery.ts';
import { checkResults } from './results.node.ts';
import { type CacheOptions, openFeatures, promptsSettings } from './session.ts';
import { formatShard, ofShard, type Shard } from './shards.ts';
import { formatVerdict, verdictTable } from './verdict-table.ts';

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
/** Pixels of photographs whose pictures are drawn at the same time, at about 16 bytes each; a larger one is alone. */
const mostDrawn = 2 ** 25;

const ending = 'interrupted: finishing the images under way (interrupt again to stop at once)';

/** No further items after an interrupt: those that were begun still get their rows, as their pictures are there. */
function* untilAborted<Item>(items: readonly Item[], signal: AbortSignal): Generator<Item> {
  for (const item of items) {
    if (signal.aborted) return;
    yield item;
  }
}

interface Problem {
  readonly image: string;
  readonly problem: string;
}

/** What a run has found so far. */
interface Results {
  readonly rows: Row[];
  readonly problems: Problem[];
  fails: number;
  threshold: number | undefined;
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
  const work = () => detectListed(io, inputs, listed, job);
  // Shards share a folder: their files are different ones.
  const lock = shard && `.faprompt.${shard.index}-of-${shard.count}.lock`;
  await (out === undefined ? work() : lockFolder(out, work, lock));
}

async function detectListed(
  io: Io,
  inputs: readonly string[],
  { targets, notes, unreadable }: Awaited<ReturnType<typeof listImages>>,
  job: DetectJob,
): Promise<void> {
  const { clip, out } = job;
  let label: Chosen['label'] | undefined;
  const { shard } = job;
  let tiles: TileOptions | undefined;
  const results: Results = { rows: [], problems: [], fails: 0, threshold: undefined };
  const { rows, problems } = results;
  let failed = unreadable.length > 0;
  for (const note of notes) io.note(`note: ${note}`);
  for (const { file, reason } of unreadable) {
    problems.push({ image: file, problem: unreadableProblem(file, reason) });
    io.note(`skipped: ${problems.at(-1)!.problem}`);
  }
  const drawing = createBudget(mostDrawn);
  const stop = new AbortController();
  const forget = io.onInterrupt(() => stop.abort());
  let whole = false;
  /** Images under way, and how many of them are done; both outlive a device that is lost. */
  let pending: readonly Target[] = targets;
  let done = 0;
  let watched: Awaited<ReturnType<typeof watchImages>> | undefined;
  try {
    await withClipAgain(io, clip, async (session, progress) => {
      const chosen = await choosePrompts(io, session, job);
      const { prompts } = chosen;
      label = chosen.label;
      results.threshold = thresholdOf(chosen, job.threshold);
      tiles = prompts.tiles;
      const features = openFeatures(io, session, promptsSettings(session, prompts), job);
      const detector = await createDetector(io, session, { prompts, features }, job);
      /** Goes on with `pending`. @returns false if interrupted */
      const drain = async (watching: boolean): Promise<boolean> => {
        const unit = { unit: 'image', start: done };
        const bar = watching ? undefined : createProgress(io, 'detecting', pending.length, unit);
        const sayEnd = () => (bar ?? io).note(ending);
        stop.signal.addEventListener('abort', sayEnd);
        try {
          const begun = untilAborted(pending.slice(done), stop.signal);
          const outcomes = detector.detect(begun, ({ file }) => file, withPictures);
          for await (const { found, pictures } of outcomes) {
            if ('problem' in found) report(found.item.file, found.problem, bar ?? io);
            else finish(found, pictures, watching, bar ?? io);
            done++;
            bar?.update(done);
            progress();
          }
          return done === pending.length;
        } finally {
          stop.signal.removeEventListener('abort', sayEnd);
          bar?.stop();
        }
      };
      try {
        if (!watched) whole = (targets.length === 0 || !stop.signal.aborted) && (await drain(false));
        if (whole && job.watch !== undefined) await watch(job.watch, drain);
      } finally {
        detector.dispose();
        features.dispose();
      }
    });
  } finally {
    forget();
  }
  await write();
  if (!whole) throw new ExitError(interruptedExit);
  if (failed) throw new ExitError(1);
  if (results.fails > 0 && job.watch === undefined) throw new ExitError(anomalousExit);

  function report(image: string, error: Error, notes: { note(text: string): void }): void {
    const problem = { image, problem: error.message };
    failed = true;
    // A watch may go on for months.
    if (!watched) problems.push(problem);
    if (job.jsonLines) io.out(JSON.stringify(problem));
    notes.note(`skipped: ${problem.problem}`);
  }

  /** Writes an image's pictures, while others are being scored; what is wrong with them is said in the image's turn. */
  async function withPictures(
    found: Outcome<Target>,
  ): Promise<{ found: Outcome<Target>; pictures: Pictures | Error }> {
    if ('problem' in found || out === undefined) return { found, pictures: {} };
    const { file } = found.item;
    const written = drawing.run(found.width * found.height, () => writePictures(out, found, job.range));
    const pictures = await written.catch((error: NodeJS.ErrnoException) => pictureProblem(error, file));
    return { found, pictures };
  }

  /** Keeps an image's row; where its pictures could not be written, the score still counts. */
  function finish(
    found: Found<Target>,
    made: Pictures | Error,
    watching: boolean,
    notes: { note(text: string): void },
  ): void {
    const { threshold } = results;
    const anomalous = threshold === undefined ? undefined : isAnomalous(found.score, threshold);
    if (anomalous) results.fails++;
    if (made instanceof Error) report(found.item.file, made, notes);
    const row = rowOf(found, anomalous, made instanceof Error ? {} : made);
    // A watch may go on for months.
    if (!watching) rows.push(row);
    if (job.jsonLines) io.out(JSON.stringify(row));
    else if (watching) io.out(formatVerdict(row).join('  '));
  }

  async function watch(dir: string, drain: (watching: boolean) => Promise<boolean>): Promise<void> {
    const onTrouble = (reason: string | undefined): void => {
      if (reason === undefined) io.note(`${dir} can be read again`);
      else report(dir, new Error(`${dir}: expected the watched folder, found ${reason}; waiting for it`), io);
    };
    if (!watched) {
      watched = await watchImages(dir, { interval: job.interval, signal: stop.signal, onTrouble });
      io.note(`watching ${dir}; interrupt to end`);
    }
    for (;;) {
      await drain(true);
      const next = await watched.next();
      if (next.done) return;
      [pending, done] = [next.value, 0];
    }
  }

  /** The table first: it does not depend on a disk. */
  async function write(): Promise<void> {
    const { threshold, fails } = results;
    const verdict = threshold === undefined ? {} : { threshold, fails };
    const left = whole ? {} : { interrupted: true, missing: targets.length - rows.length };
    const all = {
      clip,
      ...label,
      ...(tiles ? { tiles } : {}),
      ...(shard ? { shard: formatShard(shard) } : {}),
      ...verdict,
      ...left,
      images: rows,
      problems,
    };
    const json = visibleJson(all, 2);
    const scoresFile = shard ? `scores.${shard.index}-of-${shard.count}.json` : 'scores.json';
    if (inputs.length > 0) {
      if (job.json) io.out(json);
      else if (!job.jsonLines) io.out(verdictTable(rows, threshold));
      if (out !== undefined) await writeFileAtomic(path.join(out, scoresFile), `${json}\n`);
      if (!job.json && !job.jsonLines)
        io.out(
          out === undefined
            ? 'scores only: --out DIR writes heat maps, maps and scores.json'
            : visible(`heat maps, maps and scores.json: ${out}`),
        );
    }
    if (!whole) io.note(`interrupted: ${rows.length} of ${targets.length} images are done`);
  }
}
