// `faprompt detect`: images in, heat maps, scores and verdicts out.

import { Command, InvalidArgumentError } from 'commander';
import type { Range } from '../data/heatmap.ts';
import { anomalousExit, type DetectJob, detect } from '../jobs/detect.ts';
import type { Io } from '../jobs/io.ts';
import { isThreshold } from '../model/faprompt/verdict.ts';
import { integer } from './arguments.ts';
import { addCacheOptions } from './cache-options.ts';
import { addChoiceOptions, addOtherClipOption, clipOption } from './choice-options.ts';
import { parseShard } from './shard-option.ts';

export const detectCommand = (io: Io): Command => {
  const command = new Command('detect')
    .description('find defects in images: heat maps, raw maps, scores, pass or fail')
    .argument('[images...]', 'image files, or folders of them')
    .option(...clipOption)
    .option(
      '--out <dir>',
      'folder for <image>.heatmap.png, <image>.map.png and scores.json; without it scores only',
    )
    .option(
      '--range <a,b>',
      "map values shown as blue and as red; 'image': each image's own smallest and largest",
      range,
      [0, 1] as const,
    )
    .option(
      '--threshold <score>',
      'images with this score or above fail; default: the one that calibrate stored',
      score,
    )
    .option('--no-threshold', 'scores only, no pass or fail')
    .option('--watch <dir>', 'go on with every image that arrives in this folder, until interrupted')
    .option('--interval <ms>', 'time between two looks at the watched folder', integer(10), 500)
    .option('--shard <i/n>', 'only every n-th image, beginning with the i-th (docs/SCALE.md)', parseShard)
    .option(
      '--per-prompt',
      'show what each of the K abnormality prompts sees: <image>.prompts.png, contributions in scores.json',
    )
    .option('--json', 'print scores.json instead of a table')
    .option('--json-lines', 'print one line of JSON for each image as soon as it is done');
  return addCacheOptions(addOtherClipOption(addChoiceOptions(command)))
    .addHelpText(
      'after',
      `
map.png: anomaly map at the size of its image, 16-bit grey, 65535 = 1. Scores and maps are in [0, 1].
Of folders hidden and system files, results of this program and formats that are not read are left out; a note counts the
last two. Interrupting (Ctrl-C) finishes the images under way, a batch or two, writes scores.json of those that are done
and exits with code 130; interrupting again stops at once.
Exit code with a threshold: 0 if all images pass, ${anomalousExit} if one fails, 1 if one could not be read or its results not
be written. With --watch, 0 after an interrupt unless one of these happened, or the folder disappeared.`,
    )
    .action((images: string[], given: DetectJob) => detect(io, images, given));
};

function range(text: string): Range | 'image' {
  if (text === 'image') return text;
  const [low, high, ...rest] = text.split(',').map(Number);
  if (rest.length > 0 || !(low! < high! && Number.isFinite(high! - low!)))
    throw new InvalidArgumentError("Expected 'image' or two numbers A,B with A < B.");
  return [low!, high!];
}

function score(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!isThreshold(value)) throw new InvalidArgumentError('Expected a number in [0, 1], as scores are.');
  return value;
}
