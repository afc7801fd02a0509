// FAPrompt from image features to probabilities, maps and scores (docs/METHOD.md).
import type { Tensor } from '../../kernels/tensor.ts';
import type { ClipConfig } from '../clip/config.ts';
import type { ImageFeatures } from '../clip/vision.ts';
import type { Context } from '../context.ts';
import { type Learnables, learnableTensors } from './learnables.ts';
import { adaptsToImage, type FapromptOptions } from './options.ts';
import { abnormalityPrior, choosePatches, promptWeights } from './prior.ts';
import { createPromptEncoder, type PromptEncoderOptions, prototypes } from './prompts.ts';
import { type Scores, scores } from './score.ts';
import { probabilities } from './similarity.ts';
import type { Templates, TokenRows } from './templates.ts';

export interface Forward extends Scores {
  readonly learnables: Learnables;
  /** Feature of the normal prompt, not normalised: [1, E]. */
  readonly normalFeatures: Tensor;
  /** Prior-free features of the abnormality prompts, for the orthogonal loss: [K, E]. */
  readonly abnormalFeatures: Tensor;
  /** One prior per image [B, D]; absent without DAP. */
  readonly prior?: Tensor;
}

/** The parts of a FAPrompt that do not change: configuration and fixed words. */
export interface FapromptModel {
  readonly clip: ClipConfig;
  readonly options: FapromptOptions;
  readonly templates: Templates;
  readonly rows: TokenRows;
}

/** @param size side of the maps in pixels */
export function forward(
  context: Context,
  { clip, options, templates, rows }: FapromptModel,
  features: ImageFeatures,
  size: number,
  encoderOptions: PromptEncoderOptions = {},
): Forward {
  const { graph, record } = context;
  const { temperature } = options;
  const learnables = learnableTensors(graph, options, clip);
  const encoder = createPromptEncoder(context, learnables, templates, rows, options, clip, encoderOptions);

  const abnormalFeatures = encoder.abnormal('');
  const normal = encoder.normal.features;
  const text1 = record('text/proto1', prototypes(context, normal, abnormalFeatures, options));
  const patches1 = record('sim1', probabilities(context, features.patches, text1, temperature));
  const common = { learnables, normalFeatures: normal, abnormalFeatures };
  if (!adaptsToImage(options))
    return { ...common, ...scores(context, features.image, text1, [patches1, patches1], options, size) };

  const chosen = choosePatches(context, features, patches1, options);
  const prior = options.prior ? record('prior', abnormalityPrior(context, learnables, chosen)) : undefined;
  const weights = options.aggregate === 'weighted' ? promptWeights(context, learnables, chosen) : undefined;
  const adapted = prior ? encoder.abnormal('dap/', prior) : abnormalFeatures;
  const text2 = record('text/proto2', prototypes(context, normal, adapted, options, weights));
  const patches2 = record('sim2', probabilities(context, features.patches, text2, temperature));
  const found = scores(context, features.image, text2, [patches1, patches2], options, size);
  return { ...common, ...found, ...(prior ? { prior } : {}) };
}
