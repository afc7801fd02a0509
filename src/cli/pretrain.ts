// `faprompt pretrain`: its options and words.

import { Command, InvalidArgumentError } from 'commander';
import { heldOutSources } from '../data/photos/photos.ts';
import type { Io } from '../jobs/io.ts';
import { integer, list, notNegative, positive, unitInterval } from './arguments.ts';
import { type PhotoParts, type PretrainGiven, runPretrain } from './pretrain-run.ts';

export const pretrainCommand = (io: Io): Command =>
  new Command('pretrain')
    .description('train a small CLIP, both towers, from scratch on captioned images that the generator draws')
    .option(
      '--out <dir>',
      'folder for the checkpoint (last.safetensors) and log.jsonl; only --photo-sheet does without',
    )
    .option('--export <file>', 'write the weights in F16 when this part of the run ends')
    .option('--about <key=value...>', 'further entries for the metadata of that file', pair, {})
    .option(
      '--snapshots <n>',
      'write the weights of every n-th step as well, as step-N.safetensors in --out; a multiple of --save-every',
      integer(1),
    )
    .option('--init <clip>', 'begin with the weights of a CLIP that has its own words, not from scratch')
    .option('--seed <n>', 'the same seed gives the same bits', integer(0), 0)
    .option('--steps <n>', 'steps until the learning rate has fallen to 0, along a cosine', integer(1), 2000)
    .option('--stop-at <n>', 'end after this step instead', integer(1))
    .option(
      '--cooldown <n>',
      'steps before that end in which the learning rate falls in a line',
      integer(0),
      0,
    )
    .option('--batch <n>', 'images a step', integer(2), 128)
    .option(
      '--image-size <pixels>',
      'side of the training images (default: 64, or that of --init)',
      integer(8),
    )
    .option('--lr <x>', 'largest learning rate of AdamW', positive, 1e-3)
    .option('--warmup <n>', 'steps until the largest learning rate', integer(1), 100)
    .option('--decay <x>', 'weight decay', notNegative, 0.1)
    .option('--patch <pixels>', 'side of a patch', integer(1))
    .option('--width <n>', 'width of the image encoder', integer(1))
    .option('--layers <n>', 'blocks of the image encoder', integer(1))
    .option('--embed <n>', 'width of the joint embedding', integer(1))
    .option('--photos <dir>', 'mix in photographs: a folder with index.jsonl (docs/PHOTOS.md)')
    .option(
      '--photo-shares <a,b,c>',
      'parts of the stream that are flawless photographs, photographs with painted defects, real defects',
      photoParts,
      { flawless: 0.25, painted: 0.3, real: 0.1 },
    )
    .option(
      '--photo-surfaces <share>',
      'what part of the flawless and painted photographs are surfaces (default: as sources come)',
      unitInterval,
    )
    .option('--hold-out <sources>', 'sources of photographs that are left out of the training', list, [
      ...heldOutSources,
    ])
    .option('--photo-sheet <file>', 'only write a contact sheet of what the stream shows of photographs')
    .option('--region-weight <x>', "patches against the image's own captions; 0: plain CLIP", notNegative, 4)
    .option('--visits <n>', 'how often each drawn image is shown, mirrored and exposed anew', integer(1), 1)
    .option('--resume', "go on from the folder's checkpoint")
    .option('--max-minutes <n>', 'stop after this time, to go on with --resume', positive)
    .option('--save-every <n>', 'steps between checkpoints', integer(1), 50)
    .addHelpText(
      'after',
      '\nInterrupting (Ctrl-C) saves after the step under way and exits with code 130; --resume continues with the same bits.',
    )
    .action((given: PretrainGiven) => runPretrain(io, given));

/** Collects key=value. */
function pair(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const [key, ...value] = text.split('=');
  if (!key || value.length === 0) throw new InvalidArgumentError('Expected key=value.');
  return { ...before, [key]: value.join('=') };
}

function photoParts(text: string): PhotoParts {
  const parts = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const [flawless, painted, real] = parts;
  const sum = parts.reduce((a, b) => a + b, 0);
  if (parts.length !== 3 || !parts.every((part) => part >= 0) || !(sum <= 1))
    throw new InvalidArgumentError('Expected three numbers of at least 0 that add up to at most 1.');
  return { flawless: flawless!, painted: painted!, real: real! };
}
