// From patch probabilities to maps and the image score: for learned and for hand-written prompts.
import { add, affine } from '../../kernels/elementwise/elementwise.ts';
import { gaussianBlur } from '../../kernels/gaussian_blur/gaussian_blur.ts';
import { slice } from '../../kernels/slice/slice.ts';
import { softmax } from '../../kernels/softmax/softmax.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import type { Context } from '../context.ts';
import type { FapromptOptions } from './options.ts';
import { abnormalChannel, cosines, largest, probabilityMap } from './similarity.ts';

export interface Scores {
  /** Probability maps [B, 2, S, S]: prior-free, and adapted to the image (the same where nothing is adapted). */
  readonly maps: readonly [Tensor, Tensor];
  /** Cosine / temperature of the class feature with both prototypes: [B, 2]. */
  readonly imageLogits: Tensor;
  /** Image anomaly score in [0, 1]: [B]. */
  readonly score: Tensor;
}

export interface Compared {
  /** Unit class features [B, E]. */
  readonly image: Tensor;
  /** Unit prototypes [B or 1, 1 + A, E]. */
  readonly text: Tensor;
  /** Patch probabilities [B, 2, n], without and with adaptation to the image. */
  readonly patches: readonly [Tensor, Tensor];
}

export interface ScoreSettings extends Pick<FapromptOptions, 'temperature' | 'maxMix' | 'imageScore'> {
  /** Side of the maps in pixels. */
  readonly size: number;
}

export function scores(
  context: Context,
  { image, text, patches }: Compared,
  { temperature, maxMix, imageScore, size }: ScoreSettings,
): Scores {
  const { graph, record } = context;
  const [images, width] = image.shape as [number, number];
  const similarities = cosines(context, graph.view(image, [images, 1, width]), text);
  const imageLogits = record(
    'image/logits',
    affine(graph, graph.view(similarities, [images, 2]), 1 / temperature),
  );
  const channels = graph.view(softmax(graph, imageLogits, { axis: 1 }), [images, 2, 1]);
  const score =
    imageScore === 'class'
      ? record('score', record('image/prob', graph.view(abnormalChannel(context, channels), [images])))
      : mixedScore(context, channels, patches, maxMix);
  const [patches1, patches2] = patches;
  const map1 = record('map1', probabilityMap(context, patches1, size));
  const map2 = patches2 === patches1 ? map1 : record('map2', probabilityMap(context, patches2, size));
  return { maps: [map1, map2], imageLogits, score };
}

/**
 * (image probability + mixed largest patch probability) / 2: [B].
 * @param image probabilities of the class feature [B, 2, 1]
 */
export function mixedScore(
  context: Context,
  image: Tensor,
  [patches1, patches2]: readonly [Tensor, Tensor],
  [mix1, mix2]: FapromptOptions['maxMix'],
): Tensor {
  const { graph, record } = context;
  const probability = record('image/prob', graph.view(abnormalChannel(context, image), [image.shape[0]!]));
  const max1 = record('max1', largest(context, patches1));
  const max2 = patches2 === patches1 ? max1 : record('max2', largest(context, patches2));
  const mixed = add(graph, affine(graph, max1, mix1 / 2), affine(graph, max2, mix2 / 2));
  return record('score', add(graph, affine(graph, probability, 0.5), mixed));
}

/** Sigma of the smoothing at test time in pixels: `sigma` at the paper's 518, the same share of other sizes. */
export const smoothingSigma = (size: number, sigma = 10): number => (sigma * size) / 518;

/** (S1a + 1 - S1n + S2a + 1 - S2n) / 4, in [0, 1]: [B, S, S]. */
export function anomalyMap({ graph }: Context, { maps }: Pick<Scores, 'maps'>): Tensor {
  const [images, , height, width] = maps[0].shape as [number, number, number, number];
  const sum = add(graph, maps[0], maps[1]);
  const channel = (i: number) =>
    graph.view(slice(graph, sum, { axis: 1, start: i, end: i + 1 }), [images, height, width]);
  return add(graph, affine(graph, channel(1), 0.25), affine(graph, channel(0), -0.25, 0.5));
}

/** The map as it is shown: smoothed by a Gaussian of `sigma` pixels (truncate 4, half-sample symmetric borders). */
export const smoothedMap = (context: Context, map: Tensor, sigma: number): Tensor =>
  sigma > 0 ? gaussianBlur(context.graph, map, { sigma }) : map;
