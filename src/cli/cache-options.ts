// --cache and what else there is to say about image features.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultCache } from '../train/features/features.node.ts';
import type { FeaturePrecision } from '../train/settings.ts';
import { integer } from './arguments.ts';

export const addCacheOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--cache <dir>', 'folder of the image feature cache').default(
        defaultCache(),
        'faprompt/features in the cache folder, ~/.cache',
      ),
    )
    .option(
      '--no-cache',
      'do not keep image features: encode every image anew (a training: in every epoch those that its --gpu-cache has no room for)',
    )
    .option(
      '--image-batch <n>',
      'images that are encoded together; features and scores do not depend on it (default: what the adapter has room for, 8 at most)',
      integer(1),
    )
    .option('--cache-precision <type>', 'f32, or f16 for half the space', precision, 'f32');

function precision(text: string): FeaturePrecision {
  if (text === 'f32' || text === 'f16') return text;
  throw new InvalidArgumentError('Expected f32 or f16.');
}
