// FAPrompt from image features to probabilities, maps and scores (docs/METHOD.md).
import type { Tensor } from '../../kernels/tensor.ts';
import type { ImageFeatures } from '../clip/vision.ts';
import type { Context } from '../context.ts';
import { type Learnables, learnableTensors } from './learnables.ts';
import { adaptsToImage } from './options.ts';
import { abnormalityPrior, choosePatches, promptWeights } from './prior.ts';
import { createPromptEncoder, type PromptEncoderOptions, prototypes } from './prompts.ts';
import { type Scores, scores } from './score.ts';
import { probabilities } from './similarity.ts';
import type { FapromptModel } from './templates.ts';

export interface Forward extends Scores {
  readonly learnables: Learnables;
  /** Feature of the normal prompt, not normalised: [1, E]. */
  readonly normalFeatures: Tensor;
  /** Prior-free features of the abnormality prompts, for the orthogonal loss: [K, E]. */
  readonly abnormalFeatures: Tensor;
  /** Unit prototypes, the normal one first, without a prior [1, 1 + N, E], and where there are any those of each image. */
  readonly prototypes: readonly Tensor[];
  /** One prior per image [B, D]; absent without DAP. */
  readonly prior?: Tensor;
}

export interface ForwardOptions extends PromptEncoderOptions {
  /** Side of the maps in pixels. */
  readonly size: number;
}

/**
 * Builds it for the features of B images: the maps by prompts without a prior, the prior made from their most abnormal
 * patches, the maps by prompts with it.
 */
export function forward(
  context: Context,
  model: FapromptModel,
  features: ImageFeatures,
  { size, ...encoderOptions }: ForwardOptions,
): Forward {
  const { graph, record } = context;
  const { clip, options } = model;
  const { temperature } = options;
  const learnables = learnableTensors(graph, options, clip);
  const encoder = createPromptEncoder(context, learnables, model, encoderOptions);

  const abnormalFeatures = encoder.abnormal('');
  const normal = encoder.normal.features;
  const text1 = record('text/proto1', prototypes(context, { normal, abnormal: abnormalFeatures }, options));
  const patches1 = record('sim1', probabilities(context, features.patches, text1, temperature));
  const { image } = features;
  const settings = { ...options, size };
  const common = { learnables, normalFeatures: normal, abnormalFeatures };
  if (!adaptsToImage(options))
    return {
      ...common,
      ...scores(context, { image, text: text1, patches: [patches1, patches1] }, settings),
      prototypes: [text1],
    };

  const chosen = choosePatches(context, features, patches1, options);
  const prior = options.prior ? record('prior', abnormalityPrior(context, learnables, chosen)) : undefined;
  const weights = options.aggregate === 'weighted' ? promptWeights(context, learnables, chosen) : undefined;
  const adapted = prior ? encoder.abnormal('dap/', prior) : abnormalFeatures;
  const text2 = record('text/proto2', prototypes(context, { normal, abnormal: adapted }, options, weights));
  const patches2 = record('sim2', probabilities(context, features.patches, text2, temperature));
  const found = scores(context, { image, text: text2, patches: [patches1, patches2] }, settings);
  return { ...common, ...found, prototypes: [text1, text2], ...(prior ? { prior } : {}) };
}
