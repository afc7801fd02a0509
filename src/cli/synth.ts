import { Command } from 'commander';
import { familyNames } from '../data/synth/families/index.ts';
import { generate } from '../data/synth/generate.node.ts';
import type { SynthOptions } from '../data/synth/generate.ts';
import { integer, list } from './arguments.ts';
import type { Io } from './io.ts';

interface Given {
  readonly seed: number;
  readonly imageSize?: number;
  readonly classes?: string[];
  readonly defects?: string[];
  readonly train?: number;
  readonly good?: number;
  readonly defective?: number;
  readonly json?: boolean;
}

export const synthCommand = (io: Io): Command =>
  new Command('synth')
    .description(
      "draw a synthetic data set: surfaces with defects and masks, in MVTec AD's layout with meta.json",
    )
    .argument('<dir>', 'folder to make; must be empty or not exist')
    .option('--seed <n>', 'the same seed gives the same bytes', integer(0), 0)
    .option('--image-size <pixels>', 'side of the images', integer(16))
    .option('--classes <names>', `surfaces, of ${familyNames.join(',')}`, list)
    .option('--defects <names>', 'kinds of defects', list)
    .option('--train <n>', "normal images per class in the split 'train'", integer(0))
    .option('--good <n>', "normal images per class in the split 'test'", integer(0))
    .option('--defective <n>', "images with a defect per class in the split 'test'", integer(0))
    .option('--json', 'print what was made as JSON')
    .action(async (dir: string, { json, ...given }: Given) => {
      const items = await generate(dir, given as SynthOptions);
      const classes = [...new Set(items.map(({ className }) => className))];
      const anomalies = items.filter(({ defect }) => defect !== null).length;
      io.out(
        json
          ? JSON.stringify({ dir, classes, images: items.length, anomalies })
          : `${dir}: ${items.length} images, ${anomalies} with a defect, of ${classes.join(', ')}`,
      );
    });
