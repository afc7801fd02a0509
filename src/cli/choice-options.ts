// --clip, --prompts, --method and what goes with them.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultOverlap, isTileOptions } from '../base/tile-options.ts';
import { writtenMethods } from '../model/methods/named.ts';
import { smallClip } from '../model/shipped.ts';
import { integer } from './arguments.ts';

const tilesHelp =
  "look at images in overlapping squares, n along the shorter side, each at the CLIP's own size (default: whole, squashed, or as the prompts say)";
const tileOverlapHelp = `share of a square that its neighbour covers too (default: ${defaultOverlap})`;

function overlapShare(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!isTileOptions({ count: 1, overlap: value }))
    throw new InvalidArgumentError('Expected a share of 0 to 0.9.');
  return value;
}

/** For commands that are of use with a CLIP that ships as it is. */
export const shippedClip = smallClip.name;

export const clipOption = [
  '--clip <file>',
  "CLIP weights: a file, a folder, or a known model's name",
  shippedClip,
] as const;

/** How a command words what it has of its own about them. */
export interface ChoiceWords {
  readonly prompts: string;
  readonly object: string;
  readonly vocabulary: string;
  readonly boxes: string;
}

export const detectWords: ChoiceWords = {
  prompts:
    'prompts.safetensors of a training run; without it and --method, the small CLIP that ships takes its own prompts, any other hand-written ones',
  object: 'what the images show ("metal nut"), for prompts that name it',
  vocabulary: 'for such prompts: see faprompt classify --help',
  boxes: "a detector's boxes for each image, for FiLO (docs/FILO.md)",
};

/** --prompts, --method and what goes with them. */
export const addChoiceOptions = (command: Command, words = detectWords): Command =>
  command
    .option('--prompts <file>', words.prompts)
    .addOption(
      new Option('--method <name>', 'a method that needs no training instead').choices(
        writtenMethods.map(({ name }) => name),
      ),
    )
    .option('--object <name>', words.object)
    .option('--vocabulary <file>', words.vocabulary)
    .option('--boxes <file>', words.boxes)
    .option('--image-size <pixels>', 'with --method: see faprompt train --help', integer(1))
    .option('--dual-layers <n>', 'with --method: see faprompt train --help', integer(0))
    .option('--tiles <n>', tilesHelp, integer(1))
    .option('--no-tiles', 'look at whole images, whatever the prompts say')
    .option('--tile-overlap <share>', tileOverlapHelp, overlapShare);

export const addOtherClipOption = (command: Command): Command =>
  command.option(
    '--allow-other-clip',
    'use prompts that were trained on another weights file of the same sizes',
  );
