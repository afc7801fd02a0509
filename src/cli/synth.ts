import { Command, Option } from 'commander';
import { generateFromPhotos, type PhotoSetOptions } from '../data/photos/dataset.node.ts';
import { defectNames } from '../data/synth/defects/index.ts';
import { type FamilyName, familyNames } from '../data/synth/families/index.ts';
import { generate } from '../data/synth/generate.node.ts';
import { largestImageSize, type SynthOptions } from '../data/synth/generate.ts';
import { type Role, roles } from '../data/synth/roles.ts';
import { type Io, UsageError } from '../jobs/io.ts';
import { createProgress, type Progress } from '../jobs/progress.ts';
import { integer, list } from './arguments.ts';

interface Given {
  readonly seed: number;
  readonly imageSize?: number;
  readonly role?: Role;
  readonly classes?: string[];
  readonly defects?: string[];
  readonly train?: number;
  readonly good?: number;
  readonly defective?: number;
  readonly photos?: string;
  readonly json?: boolean;
}

const isFamily = (name: string): name is FamilyName => (familyNames as readonly string[]).includes(name);

/** @throws UsageError for what only the generator has */
function photoOptions({ photos: _, ...given }: Given): PhotoSetOptions {
  const { seed, imageSize, classes, good, defective } = given;
  const other = (['role', 'defects', 'train'] as const).find((name) => given[name] !== undefined);
  if (other) throw new UsageError(`--${other}: not with --photos`);
  return {
    seed,
    ...(imageSize === undefined ? {} : { imageSize }),
    ...(classes === undefined
      ? {}
      : { sources: classes.filter((name) => !isFamily(name)), families: classes.filter(isFamily) }),
    ...(good === undefined ? {} : { good }),
    ...(defective === undefined ? {} : { defective }),
  };
}

export const synthCommand = (io: Io): Command =>
  new Command('synth')
    .description(
      "draw a synthetic data set: surfaces and objects with defects, masks and captions, in MVTec AD's layout with meta.json and captions.jsonl",
    )
    .argument('<dir>', 'folder to make; must be empty or not exist')
    .option('--seed <n>', 'the same seed gives the same bytes', integer(0), 0)
    .option('--image-size <pixels>', 'side of the images', integer(16, largestImageSize))
    .addOption(
      new Option(
        '--role <role>',
        'only families for pretraining, for training prompts, or held out from both',
      ).choices(roles),
    )
    .option('--classes <names>', `families, of ${familyNames.join(',')} (default: all of the role)`, list)
    .option(
      '--defects <names>',
      `of ${defectNames.join(',')} (default: those of each family's role: held-out families get held-out defects)`,
      list,
    )
    .option('--train <n>', "normal images per class in the split 'train'", integer(0))
    .option('--good <n>', "normal images per class in the split 'test'", integer(0))
    .option('--defective <n>', "images with a defect per class in the split 'test'", integer(0))
    .option(
      '--photos <dir>',
      'photographs instead, of a folder with index.jsonl (docs/PHOTOS.md), with real defects where there are masks, else painted ones; --classes names its sources, and families to draw beside them',
    )
    .option('--json', 'print what was made as JSON')
    .action(async (dir: string, { json, ...given }: Given) => {
      let bar: Progress | undefined;
      const onProgress = (done: number, total: number) => {
        bar ??= createProgress(io, 'drawing', total, { unit: 'image' });
        bar.update(done);
      };
      const items = await (given.photos === undefined
        ? generate(dir, given as SynthOptions, onProgress)
        : generateFromPhotos(dir, given.photos, photoOptions(given), onProgress)
      ).finally(() => bar?.stop());
      const classes = [...new Set(items.map(({ className }) => className))];
      const anomalies = items.filter(({ defect }) => defect !== null).length;
      io.out(
        json
          ? JSON.stringify({ dir, classes, images: items.length, anomalies })
          : `${dir}: ${items.length} images, ${anomalies} with a defect, of ${classes.join(', ')}`,
      );
    });
