// What `faprompt eval` does: all of a data set, a shard of it, or the metrics of shards.
import path from 'node:path';
import { checkApart, checkOutputFile, checkOutputFolder, writeFileAtomic } from '../base/files.node.ts';
import { kebab } from '../base/text.ts';
import { describeTiles } from '../base/tile-options.ts';
import type { Split } from '../data/dataset.ts';
import type { Evaluation } from '../eval/index.ts';
import { checkMethodOptions, choosePrompts, type MethodChoice } from '../jobs/choice.ts';
import { evaluateScorers, evaluationTable } from '../jobs/evaluate.ts';
import { evaluateShard, mergeShards } from '../jobs/evaluate-shards.ts';
import { ExitError, type Io, UsageError } from '../jobs/io.ts';
import { createProgress } from '../jobs/progress.ts';
import { openBoxes, promptsScorers } from '../jobs/scorers.ts';
import {
  type CacheOptions,
  type ClipSession,
  openFeatures,
  openSamples,
  promptsSettings,
  withClip,
} from '../jobs/session.ts';
import { formatShard, type Shard } from '../jobs/shards.ts';
import { shippedClip } from './choice-options.ts';
import type { ReportSection } from './report.ts';

/** What `faprompt eval` was asked for. */
export interface EvalGiven extends CacheOptions, MethodChoice {
  readonly data?: string;
  readonly clip?: string;
  readonly shard?: Shard;
  readonly jsonLines?: string;
  readonly merge?: readonly string[];
  readonly split: Split;
  readonly json?: string;
  readonly out?: string;
  readonly report?: string;
  readonly defects?: boolean;
  readonly allMetrics?: boolean;
  readonly bootstrap?: number;
  readonly confidence: number;
  readonly seed: number;
}

/** The scorers of what was chosen, what they want images as, and how they were made, for the report. */
async function openScorers(io: Io, session: ClipSession, given: EvalGiven) {
  const { prompts, label } = await choosePrompts(io, session, given);
  const { method, threshold, training } = prompts;
  const scorers = promptsScorers(io, session, prompts, {
    vocabulary: given.vocabulary,
    boxes: await openBoxes(prompts, given.boxes),
  });
  const trained: ReportSection[] =
    'prompts' in label
      ? [
          ['Prompts', { file: label.prompts, threshold: threshold?.threshold ?? 'none' }],
          ['Training', training],
        ]
      : [];
  const how: ReportSection[] = [...trained, ['Method', { method: method.title, ...method.options }]];
  return { scorers, sizes: promptsSettings(session, prompts), how, prompts, label };
}

function checkOptions(given: EvalGiven): void {
  checkMethodOptions(given);
  if (given.object !== undefined && given.prompts !== undefined)
    throw new UsageError('--object: only with --method');
  if (given.boxes !== undefined && given.prompts === undefined)
    throw new UsageError('--boxes: only with --prompts of FiLO');
  if ((given.shard === undefined) !== (given.jsonLines === undefined))
    throw new UsageError('expected --shard I/N and --json-lines FILE, both or none');
  const early =
    given.shard &&
    (['json', 'out', 'report', 'bootstrap'] as const).find((name) => given[name] !== undefined);
  if (early) throw new UsageError(`--${early}: with --merge, not with --shard`);
}

async function checkResultPlaces({ out, report, json, data }: EvalGiven): Promise<void> {
  for (const [option, dir] of Object.entries({ out, report })) {
    if (dir === undefined) continue;
    await checkOutputFolder(dir, `--${option}`);
    if (data !== undefined) await checkApart(dir, `--${option}`, data);
  }
  if (json !== undefined && json !== '-') await checkOutputFile(json, '--json');
}

export async function runEval(io: Io, given: EvalGiven): Promise<void> {
  checkOptions(given);
  const { data, clip = shippedClip, shard } = given;
  if (data === undefined) throw new UsageError("required option '--data <dir>' not specified");
  await checkResultPlaces(given);
  if (given.jsonLines !== undefined) await checkOutputFile(given.jsonLines, '--json-lines');
  const opened = await openSamples(io, data, given.split);
  if (shard) return runShard(io, { ...given, data, clip }, shard, opened);
  const { dataset, skipped: problems } = opened;
  const { confidence, replicates, options } = evaluateOptions(given);
  const { evaluation, label } = await withClip(io, clip, async (session) => {
    const { scorers, sizes, how, label } = await openScorers(io, session, given);
    const features = openFeatures(io, session, sizes, given);
    const bar = createProgress(io, 'evaluating', dataset.samples.length, { unit: 'image' });
    // Loaded only here: the plots come with a large library.
    const report = given.report === undefined ? undefined : (await import('./report.ts')).createReport();
    let done = 0;
    try {
      const found = await evaluateScorers(
        { gpu: session.gpu, features, size: sizes.imageSize, scorers },
        dataset,
        {
          problem({ file, problem }) {
            problems.push(file);
            bar.note(`skipped: ${problem.message}`);
          },
          sample(item, sample) {
            report?.sample(item, sample);
            bar.update(++done);
          },
        },
        options,
      );
      if (report) {
        const file = await report.write(given.report!, found, {
          dataset,
          problems,
          confidence: replicates === undefined ? undefined : confidence,
          configuration: [
            ['CLIP', { file: clip, sha256: session.sha256 }],
            [
              'Images',
              {
                'image size': sizes.imageSize,
                'V-V blocks': sizes.needs.dualLayers,
                tiles: describeTiles(sizes.tiles),
              },
            ],
            ...how,
          ],
          adapter: session.gpu.description,
        });
        bar.note(`report: ${file}`);
      }
      return { evaluation: found, label };
    } finally {
      bar.stop();
      features.dispose();
      scorers.dispose();
    }
  });
  await finish(io, given, { data, clip, ...label, evaluation, problems });
}

function evaluateOptions({ bootstrap, report, confidence, seed }: EvalGiven) {
  const replicates = bootstrap ?? (report === undefined ? undefined : 1000);
  const options = {
    ...(replicates === undefined ? {} : { bootstrap: { replicates, confidence, seed } }),
    curves: report !== undefined,
  };
  return { confidence, replicates, options };
}

type OpenedSamples = Awaited<ReturnType<typeof openSamples>>;

/** Scores a shard's images; their metrics are --merge's. */
async function runShard(
  io: Io,
  given: EvalGiven & { readonly data: string; readonly clip: string },
  shard: Shard,
  { dataset, skipped }: OpenedSamples,
): Promise<void> {
  const { data, split, clip, jsonLines: file } = given;
  const boxes = given.boxes === undefined ? {} : { boxes: given.boxes };
  const failed = await withClip(io, clip, async (session) => {
    const { scorers, sizes, prompts, label } = await openScorers(io, session, given);
    const features = openFeatures(io, session, sizes, given);
    try {
      const job = {
        shard,
        file: file!,
        given: { data, split, clip, ...label, ...boxes },
        dataset,
        skipped,
        prompts,
      };
      return await evaluateShard(io, session, { scorers, features, sizes }, job);
    } finally {
      features.dispose();
      scorers.dispose();
    }
  });
  io.out(`shard ${formatShard(shard)}: ${file}`);
  if (failed > 0 || skipped.length > 0) throw new ExitError(1);
}

const notMerged = ['data', 'clip', 'prompts', 'method', 'object', 'shard', 'jsonLines', 'report'] as const;

export async function runMerge(io: Io, given: EvalGiven, files: readonly string[]): Promise<void> {
  const wrong = notMerged.find((name) => given[name] !== undefined);
  if (wrong !== undefined) throw new UsageError(`--${kebab(wrong)}: not with --merge, whose files say it`);
  await checkResultPlaces(given);
  const { header, evaluation, problems } = await mergeShards(files, evaluateOptions(given).options);
  await finish(io, given, { ...header, evaluation, problems });
}

interface Evaluated {
  readonly data: string;
  readonly clip: string;
  readonly prompts?: string | undefined;
  readonly method?: string | undefined;
  readonly evaluation: Evaluation;
  readonly problems: readonly string[];
}

/** Prints and writes the metrics. */
async function finish(io: Io, given: EvalGiven, evaluated: Evaluated): Promise<void> {
  const { data, clip, prompts, method, evaluation, problems } = evaluated;
  const json = `${JSON.stringify({ data, clip, prompts, method, ...evaluation, problems }, null, 2)}\n`;
  const table = evaluationTable(evaluation, { defects: given.defects, all: given.allMetrics });
  // Printed first: what was computed does not depend on a disk.
  io.out(given.json === '-' ? json.trimEnd() : table);
  if (given.out !== undefined) {
    await writeFileAtomic(path.join(given.out, 'metrics.json'), json);
    await writeFileAtomic(path.join(given.out, 'metrics.txt'), `${table}\n`);
  }
  if (given.json !== undefined && given.json !== '-') await writeFileAtomic(given.json, json);
  if (problems.length > 0) throw new ExitError(1);
}
