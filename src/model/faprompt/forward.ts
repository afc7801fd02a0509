// FAPrompt from image features to probabilities, maps and scores (DESIGN.md section 4).
import { add, affine } from '../../kernels/elementwise/elementwise.ts';
import { matmul } from '../../kernels/matmul/matmul.ts';
import type { Tensor } from '../../kernels/op.ts';
import { softmax } from '../../kernels/softmax/softmax.ts';
import type { ClipConfig } from '../clip/config.ts';
import type { ImageFeatures } from '../clip/vision.ts';
import type { Context } from '../context.ts';
import { type Learnables, learnableTensors } from './learnables.ts';
import type { FapromptOptions } from './options.ts';
import { abnormalityPrior } from './prior.ts';
import { createPromptEncoder, type PromptEncoderOptions, prototypes } from './prompts.ts';
import { abnormalChannel, largest, probabilities, probabilityMap } from './similarity.ts';
import type { Templates, TokenRows } from './templates.ts';

export interface Forward {
  readonly learnables: Learnables;
  /** Prior-free features of the abnormality prompts, for the orthogonal loss: [K, E]. */
  readonly abnormalFeatures: Tensor;
  /** One prior per image [B, D]; absent without DAP. */
  readonly prior?: Tensor;
  /** Probability maps [B, 2, S, S]: prior-free, and prior-enabled (the same without DAP). */
  readonly maps: readonly [Tensor, Tensor];
  /** Cosine / temperature of the class feature with both prototypes: [B, 2]. */
  readonly imageLogits: Tensor;
  /** Image anomaly score in [0, 1]: [B]. */
  readonly score: Tensor;
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
  const { temperature, prompts } = options;
  const images = features.image.shape[0]!;
  const learnables = learnableTensors(graph, options, clip);
  const encoder = createPromptEncoder(context, learnables, templates, rows, options, clip, encoderOptions);

  const abnormalFeatures = encoder.abnormal('');
  const prototypes1 = record(
    'text/proto1',
    prototypes(context, encoder.normal.features, abnormalFeatures, prompts),
  );
  const patches1 = record('sim1', probabilities(context, features.patches, prototypes1, temperature));

  let prior: Tensor | undefined;
  let prototypes2 = prototypes1;
  let patches2 = patches1;
  if (options.prior) {
    prior = record('prior', abnormalityPrior(context, learnables, features, patches1, options));
    const withPrior = encoder.abnormal('dap/', prior);
    prototypes2 = record('text/proto2', prototypes(context, encoder.normal.features, withPrior, prompts));
    patches2 = record('sim2', probabilities(context, features.patches, prototypes2, temperature));
  }

  const image = graph.view(features.image, [images, 1, clip.embedDim]);
  const cosines = matmul(graph, image, prototypes2, { transposeB: true });
  const imageLogits = record(
    'image/logits',
    affine(graph, graph.view(cosines, [images, 2]), 1 / temperature),
  );
  const imageProbability = abnormalChannel(
    context,
    graph.view(softmax(graph, imageLogits, { axis: 1 }), [images, 2, 1]),
  );
  record('image/prob', graph.view(imageProbability, [images]));

  // (image probability + mixed largest patch score) / 2
  const [mix1, mix2] = options.maxMix;
  const max1 = record('max1', largest(context, patches1));
  const max2 = options.prior ? record('max2', largest(context, patches2)) : max1;
  const mixed = add(graph, affine(graph, max1, mix1 / 2), affine(graph, max2, mix2 / 2));
  const score = add(graph, affine(graph, graph.view(imageProbability, [images]), 0.5), mixed);

  const map1 = record('map1', probabilityMap(context, patches1, size));
  const map2 = options.prior ? record('map2', probabilityMap(context, patches2, size)) : map1;
  return {
    learnables,
    abnormalFeatures,
    ...(prior ? { prior } : {}),
    maps: [map1, map2],
    imageLogits,
    score: record('score', score),
  };
}
