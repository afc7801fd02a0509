// A learnable pair of prompts on BLIP: what stands behind "BLIP" in the paper's tables is not documented there, beyond
// "learnable text prompts" on a model "pretrained on a smaller scale of data". This is our definition (AnomalyCLIP's pair
// and losses on BLIP's encoders):
//
//   normal [CLS] V1..Vn object . [SEP], abnormal [CLS] W1..Wn damaged object . [SEP]; BERT sees both ways, so nothing is shared
//   t = u(text_proj(BERT(.)[CLS])),  f = u(vision_proj(class token)),  z = u(vision_proj(patch tokens))
//   p = softmax(f T^T / tau) for the image, P = softmax(z T^T / tau) for the patches, upsampled bilinearly
//   loss = lambda (focal(P, y) + dice(P_a, y) + dice(P_n, 1 - y)) + CE(p, label)
import { crossEntropy } from '../../../kernels/cross_entropy/cross_entropy.ts';
import { add, affine } from '../../../kernels/elementwise/elementwise.ts';
import { segmentationLosses } from '../../../kernels/segmentation_loss/segmentation_loss.ts';
import { concat } from '../../../kernels/slice/slice.ts';
import { softmax } from '../../../kernels/softmax/softmax.ts';
import { f32, type Shape, type Tensor } from '../../../kernels/tensor.ts';
import type { BlipConfig } from '../../blip/config.ts';
import { blipTextFeatures, encodeBlipText } from '../../blip/text.ts';
import type { Context } from '../../context.ts';
import { abnormalChannel, cosines, probabilities, probabilityMap } from '../../faprompt/similarity.ts';

export interface BlipPairOptions {
  /** n: learnable vectors of each prompt. */
  readonly tokens: number;
  /** tau. */
  readonly temperature: number;
  /** lambda. */
  readonly mapWeight: number;
}

export const blipPairDefaults: BlipPairOptions = { tokens: 12, temperature: 0.07, mapWeight: 4 };

/** The fixed words of both prompts: ids, and their rows of the word embeddings. */
export interface BlipPairWords {
  /** [CLS]. */
  readonly start: number;
  /** What follows the learnable vectors, [SEP] included. */
  readonly normal: readonly number[];
  readonly abnormal: readonly number[];
  readonly rows: ReadonlyMap<number, Float32Array>;
}

export const blipPairShapes = (
  { tokens }: Pick<BlipPairOptions, 'tokens'>,
  { textWidth }: Pick<BlipConfig, 'textWidth'>,
): Map<string, Shape> =>
  new Map<string, Shape>([
    ['ctx_pos', [1, tokens, textWidth]],
    ['ctx_neg', [1, tokens, textWidth]],
  ]);

export interface BlipPairForward {
  readonly learnables: ReadonlyMap<string, Tensor>;
  /** Unit prototypes [1, 2, E], the normal one first. */
  readonly text: Tensor;
  /** [B, 2]. */
  readonly logits: Tensor;
  /** Abnormal probability of the class feature: [B]. */
  readonly score: Tensor;
  /** [B, 2, S, S]. */
  readonly map: Tensor;
}

export interface BlipPairModel {
  readonly options: BlipPairOptions;
  readonly config: BlipConfig;
  /** Side of the map in pixels. */
  readonly size: number;
}

/**
 * @param image unit class features [B, E]
 * @param patches unit patch features [B, n, E]
 */
export function blipPairForward(
  context: Context,
  { image, patches }: { readonly image: Tensor; readonly patches: Tensor },
  words: BlipPairWords,
  { options, config, size }: BlipPairModel,
): BlipPairForward {
  const { graph, record } = context;
  const [images, embed] = image.shape as [number, number];
  const learnables = new Map(
    [...blipPairShapes(options, config)].map(([name, shape]) => [name, graph.parameter(name, f32(...shape))]),
  );
  const prompt = (kind: 'normal' | 'abnormal', own: Tensor): Tensor => {
    const fixed = (name: string, ids: readonly number[]) => {
      const values = new Float32Array(ids.length * config.textWidth);
      ids.forEach((id, i) => {
        values.set(words.rows.get(id)!, i * config.textWidth);
      });
      return graph.constant(`${kind}/${name}`, values, [1, ids.length, config.textWidth]);
    };
    const embeddings = concat(graph, [fixed('start', [words.start]), own, fixed('end', words[kind])], 1);
    return blipTextFeatures(context, encodeBlipText(context, embeddings, config));
  };
  const both = [prompt('normal', learnables.get('ctx_pos')!), prompt('abnormal', learnables.get('ctx_neg')!)];
  const text = record('proto', graph.view(concat(graph, both, 0), [1, 2, embed]));
  const similarities = cosines(context, graph.view(image, [images, 1, embed]), text);
  const logits = record(
    'logits',
    affine(graph, graph.view(similarities, [images, 2]), 1 / options.temperature),
  );
  const p = graph.view(softmax(graph, logits, { axis: 1 }), [images, 2, 1]);
  const prob = record('prob', probabilities(context, patches, text, options.temperature));
  return {
    learnables,
    text,
    logits,
    score: record('score', graph.view(abnormalChannel(context, p), [images])),
    map: record('maps', probabilityMap(context, prob, size)),
  };
}

/** Every term, and their weighted sum `total`. @param masks [B, S, S] @param classes i32 [B] */
export function blipPairLosses(
  { graph }: Context,
  { map, logits }: Pick<BlipPairForward, 'map' | 'logits'>,
  { masks, classes }: { readonly masks: Tensor; readonly classes: Tensor },
  { mapWeight }: Pick<BlipPairOptions, 'mapWeight'>,
) {
  const { focal, abnormal: dice_abn, normal: dice_nor } = segmentationLosses(graph, map, masks);
  const ce = crossEntropy(graph, logits, classes);
  const ofMap = affine(graph, add(graph, add(graph, focal, dice_abn), dice_nor), mapWeight);
  return { focal, dice_abn, dice_nor, ce, total: add(graph, ofMap, ce) };
}
