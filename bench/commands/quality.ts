import { type Command, InvalidArgumentError } from 'commander';
import { list } from '../../src/cli/arguments.ts';
import { processIo } from '../../src/jobs/io.ts';
import { benchQuality, type QualityGiven } from '../quality/quality.ts';
import { integer } from './options.ts';

export const addQualityCommand = (program: Command): Command =>
  program
    .command('quality')
    .description(
      'FAPrompt, its ablations and baselines on held-out synthetic classes and real photographs; what is there already is not done again',
    )
    .option('--clip <file>', 'CLIP weights', 'weights/small-clip.safetensors')
    .option('--seeds <n>', 'data sets and initialisations', integer, 3)
    .option('--image-size <pixels>', 'side of the images', integer, 128)
    .option('--dual-layers <n>', 'as of faprompt train', integer)
    .option('--epochs <n>', 'passes over the training images', integer, 4)
    .option('--batch <n>', 'images a step', integer, 8)
    .option('--lr <x>', "learning rate (default: each method's own)", Number)
    .option('--methods <names>', 'separated by commas (default: all)', list)
    .option('--train-images <n>', 'of each class without a defect, and as many with one', integer, 32)
    .option('--test-images <n>', 'of each class without a defect, and as many with one', integer, 32)
    .option('--no-ablations', 'the baselines and FAPrompt only')
    .option('--ablation-seeds <n>', 'seeds of the ablations (default: all)', integer)
    .option('--quick', 'one seed, few images, no ablations: shows that everything runs')
    .option('--out <dir>', 'folder of images, features and results', '.cache/quality')
    .option(
      '--real <dirs...>',
      'data sets of real photographs in a known layout, or folders of such (default: ../shared/data where it is)',
    )
    .option('--real-sizes <sizes>', 'image sizes for them (default: --image-size)', sizes)
    .option('--real-seeds <n>', 'seeds of the prompts that they are measured with', integer, 1)
    .option('--beside <clips...>', 'other CLIPs to measure on them')
    .option('--json <file>', 'write the result as JSON')
    .action(async ({ quick, ...given }: QualityGiven & { quick?: true }) => {
      const small = { seeds: 1, epochs: 2, trainImages: 4, testImages: 4, ablations: false, real: [] };
      await benchQuality(processIo, quick ? { ...given, ...small } : given);
    });

function sizes(text: string): number[] {
  const values = list(text).map(Number);
  if (values.length === 0 || !values.every((size) => Number.isSafeInteger(size) && size > 0))
    throw new InvalidArgumentError('Expected whole numbers of pixels, separated by commas.');
  return values;
}
