// --prompts, --method and what goes with them.
import { type Command, Option } from 'commander';
import { writtenMethods } from '../model/methods/named.ts';
import { integer } from './arguments.ts';

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
    .option('--allow-other-clip', 'use prompts that were trained on another weights file of the same sizes');
}
