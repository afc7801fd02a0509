// `faprompt eval`: its options and words.

import { Command, InvalidArgumentError, Option } from 'commander';
import type { Io } from '../jobs/io.ts';
import { integer } from './arguments.ts';
import { addCacheOptions } from './cache-options.ts';
import {
  addChoiceOptions,
  addOtherClipOption,
  clipOption,
  detectWords,
  shippedClip,
} from './choice-options.ts';
import { type EvalGiven, runEval, runMerge } from './eval-run.ts';
import { parseShard } from './shard-option.ts';

export const evalCommand = (io: Io): Command => {
  const command = new Command('eval')
    .description(
      'metrics on a data set with labels: image AUROC and AP, pixel AUROC and PRO, per class and their mean',
    )
    .option('--data <dir>', 'data set: a folder with meta.json or in a known layout (docs/DATASETS.md)')
    .option(clipOption[0], `${clipOption[1]} (default: "${shippedClip}")`);
  addChoiceOptions(command, {
    prompts: detectWords.prompts,
    object: 'with --method: what the images show; {class}: the name of their class',
    vocabulary: 'for prompts that name classes: see faprompt classify --help',
    boxes: "a detector's boxes, for FiLO (docs/FILO.md)",
  });
  command
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
    .option('--shard <i/n>', 'only every n-th image, beginning with the i-th (docs/SCALE.md)', parseShard)
    .option('--json-lines <file>', 'with --shard: what --merge wants; goes on where a killed process stopped')
    .option(
      '--merge <files...>',
      'the metrics of all shards, exactly as of one run; without --data and --clip',
    )
    .option('--confidence <share>', 'share of replicates inside an interval', share, 0.95)
    .option('--seed <n>', 'of the replicates', integer(0), 0);
  addOtherClipOption(command);
  addCacheOptions(command);
  return command
    .addHelpText(
      'after',
      '\nMetrics that are undefined (one label only, no masks) are null in JSON and - in the table.',
    )
    .action((given: EvalGiven) => (given.merge ? runMerge(io, given, given.merge) : runEval(io, given)));
};

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('Expected a share between 0 and 1.');
  return value;
}
