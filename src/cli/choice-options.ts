// --prompts, --method and what goes with them.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultOverlap, isTileOptions } from '../base/tile-options.ts';
import { writtenMethods } from '../model/methods/named.ts';
import { integer } from './arguments.ts';

export const tilesHelp =
  "look at images in overlapping squares, n along the shorter side, each at the CLIP's own size (default: whole, squashed, or as the prompts say)";
export const tileOverlapHelp = `share of a square that its neighbour covers too (default: ${defaultOverlap})`;

export function overlapShare(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!isTileOptions({ count: 1, overlap: value }))
    throw new InvalidArgumentError('Expected a share of 0 to 0.9.');
  return value;
}

/** --prompts, --method and what goes with them. @param prompts what --prompts is without either */
export function addChoiceOptions(command: Command): void {
  command
    .option(
      '--prompts <file>',
      'prompts.safetensors of a training run; without it and --method, the small CLIP that ships takes its own prompts, any other hand-written ones',
    )
    .addOption(
      new Option('--method <name>', 'a method that needs no training instead').choices(
        writtenMethods.map(({ name }) => name),
      ),
    )
    .option('--object <name>', 'what the images show ("metal nut"), for prompts that name it')
    .option('--vocabulary <file>', 'for such prompts: see faprompt classify --help')
    .option('--boxes <file>', "a detector's boxes for each image, for FiLO (docs/FILO.md)")
    .option('--image-size <pixels>', 'with --method: see faprompt train --help', integer(1))
    .option('--dual-layers <n>', 'with --method: see faprompt train --help', integer(0))
    .option('--tiles <n>', tilesHelp, integer(1))
    .option('--no-tiles', 'look at whole images, whatever the prompts say')
    .option('--tile-overlap <share>', tileOverlapHelp, overlapShare)
    .option('--allow-other-clip', 'use prompts that were trained on another weights file of the same sizes');
}
