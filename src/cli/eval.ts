import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { checkApart, checkOutputFile, checkOutputFolder, writeFileAtomic } from '../base/files.node.ts';
import type { Split } from '../data/dataset.ts';
import { writtenMethods } from '../model/methods/named.ts';
import { withObject } from '../model/methods/parse.ts';
import { integer, kebab } from './arguments.ts';
import { evaluateScorers, evaluationTable } from './evaluation.ts';
import { ExitError, type Io, UsageError } from './io.ts';
import { createProgress } from './progress.ts';
import type { ReportSection } from './report.ts';
import { methodScorers, openBoxes, promptsScorers } from './scorers.ts';
import {
  addCacheOptions,
  type CacheOptions,
  type ClipSession,
  imageSettings,
  loadPrompts,
  openFeatures,
  openSamples,
  promptsSettings,
  withClip,
} from './session.ts';

interface Given extends CacheOptions {
  readonly data: string;
  readonly clip: string;
  readonly prompts?: string;
  readonly method?: string;
  readonly object?: string;
  readonly vocabulary?: string;
  readonly boxes?: string;
  readonly imageSize?: number;
  readonly dualLayers?: number;
  readonly split: Split;
  readonly json?: string;
  readonly out?: string;
  readonly report?: string;
  readonly defects?: boolean;
  readonly allMetrics?: boolean;
  readonly bootstrap?: number;
  readonly confidence: number;
  readonly seed: number;
  readonly allowOtherClip?: boolean;
}

export const evalCommand = (io: Io): Command => {
  const command = new Command('eval')
    .description(
      'metrics on a data set with labels: image AUROC and AP, pixel AUROC and PRO, per class and their mean',
    )
    .requiredOption(
      '--data <dir>',
      'data set: a folder with meta.json or in a known layout (docs/DATASETS.md)',
    )
    .requiredOption('--clip <file>', 'CLIP weights')
    .option('--prompts <file>', 'prompts.safetensors of a training run')
    .addOption(
      new Option('--method <name>', 'a method that needs no training instead').choices(
        writtenMethods.map(({ name }) => name),
      ),
    )
    .option('--object <name>', 'with --method: what the images show; {class}: the name of their class')
    .option('--vocabulary <file>', 'for prompts that name classes: see faprompt classify --help')
    .option('--boxes <file>', "a detector's boxes, for FiLO (docs/FILO.md)")
    .option('--image-size <pixels>', 'with --method: see faprompt train --help', integer(1))
    .option('--dual-layers <n>', 'with --method: see faprompt train --help', integer(0))
    .addOption(
      new Option('--split <name>', "the data set's split").choices(['test', 'train']).default('test'),
    )
    .option('--json <file>', 'write all metrics as JSON; - for standard output instead of the table')
    .option('--out <dir>', 'folder for metrics.json and metrics.txt')
    .option('--report <dir>', 'folder for report.html: one page with tables, curves, scores and images')
    .option(
      '--all-metrics',
      "max F1, pixel AP, PRO in MVTec AD's definition and IoU in the table too; the JSON has them",
    )
    .option('--defects', 'a row of the table for every kind of defect too; the JSON always has them')
    .option(
      '--bootstrap <n>',
      'confidence intervals from n bootstrap replicates; with --report 1000',
      integer(2),
    )
    .option('--confidence <share>', 'share of replicates inside an interval', share, 0.95)
    .option('--seed <n>', 'of the replicates', integer(0), 0)
    .option('--allow-other-clip', 'use prompts that were trained on another weights file of the same sizes');
  addCacheOptions(command);
  return command
    .addHelpText(
      'after',
      '\nMetrics that are undefined (one label only, no masks) are null in JSON and - in the table.',
    )
    .action((given: Given) => runEval(io, given));
};

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('Expected a share between 0 and 1.');
  return value;
}

/** The scorers of --prompts or --method, what they want images as, and how they were made, for the report. */
async function openScorers(io: Io, session: ClipSession, given: Given) {
  if (given.prompts !== undefined) {
    const prompts = await loadPrompts(session, given.prompts, given.allowOtherClip);
    const scorers = promptsScorers(io, session, prompts, {
      vocabulary: given.vocabulary,
      boxes: await openBoxes(prompts.method, given.boxes),
    });
    const how: ReportSection[] = [
      ['Prompts', { file: given.prompts, threshold: prompts.threshold?.threshold ?? 'none' }],
      ['Training', prompts.training],
      ['Method', { method: prompts.method.title, ...prompts.method.options }],
    ];
    return { scorers, sizes: promptsSettings(session, prompts), how };
  }
  const named = writtenMethods.find(({ name }) => name === given.method)!;
  const method = withObject(named, given.object);
  const sizes = imageSettings(session.clip.config, method, given);
  const scorers = methodScorers(io, session, method, sizes, { vocabulary: given.vocabulary });
  const how: ReportSection[] = [['Method', { method: method.title, ...method.options }]];
  return { scorers, sizes, how };
}

const onlyWritten = ['object', 'imageSize', 'dualLayers'] as const;

function checkOptions(given: Given): void {
  if ((given.prompts === undefined) === (given.method === undefined))
    throw new UsageError('expected --prompts FILE (trained prompts) or --method NAME (hand-written ones)');
  if (given.boxes !== undefined && given.prompts === undefined)
    throw new UsageError('--boxes: only with --prompts of FiLO');
  const wrong =
    given.prompts === undefined ? undefined : onlyWritten.find((name) => given[name] !== undefined);
  if (wrong !== undefined) throw new UsageError(`--${kebab(wrong)}: only with --method`);
}

async function runEval(io: Io, given: Given): Promise<void> {
  checkOptions(given);
  for (const option of ['out', 'report'] as const) {
    const dir = given[option];
    if (dir === undefined) continue;
    await checkOutputFolder(dir, `--${option}`);
    await checkApart(dir, `--${option}`, given.data);
  }
  if (given.json !== undefined && given.json !== '-') await checkOutputFile(given.json, '--json');
  const { dataset, skipped: problems } = await openSamples(io, given.data, given.split);
  const { confidence, seed } = given;
  const replicates = given.bootstrap ?? (given.report === undefined ? undefined : 1000);
  const options = {
    ...(replicates === undefined ? {} : { bootstrap: { replicates, confidence, seed } }),
    curves: given.report !== undefined,
  };
  const evaluation = await withClip(io, given.clip, async (session) => {
    const { scorers, sizes, how } = await openScorers(io, session, given);
    const features = openFeatures(io, session, sizes, given);
    const bar = createProgress(io, 'evaluating', dataset.samples.length, { unit: 'image' });
    // Loaded only here: the plots come with a large library.
    const report = given.report === undefined ? undefined : (await import('./report.ts')).createReport();
    let done = 0;
    try {
      const found = await evaluateScorers(
        session.gpu,
        scorers,
        features,
        dataset,
        sizes.imageSize,
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
            ['CLIP', { file: given.clip, sha256: session.sha256 }],
            ['Images', { 'image size': sizes.imageSize, 'V-V blocks': sizes.needs.dualLayers }],
            ...how,
          ],
          adapter: session.gpu.description,
        });
        bar.note(`report: ${file}`);
      }
      return found;
    } finally {
      bar.stop();
      features.dispose();
      scorers.dispose();
    }
  });
  const { data, clip, prompts, method } = given;
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
