// The training loss (docs/METHOD.md).
import { binaryFocal } from '../../kernels/binary_focal/binary_focal.ts';
import { cosinePairs } from '../../kernels/cosine_pairs/cosine_pairs.ts';
import { crossEntropy } from '../../kernels/cross_entropy/cross_entropy.ts';
import { add, affine } from '../../kernels/elementwise/elementwise.ts';
import { rowSquares } from '../../kernels/row_squares/row_squares.ts';
import { segmentationLosses } from '../../kernels/segmentation_loss/segmentation_loss.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import type { Context } from '../context.ts';
import type { Forward } from './forward.ts';
import { knowledgeLoss } from './knowledge.ts';
import { adaptsToImage, type FapromptOptions } from './options.ts';
import type { FapromptModel } from './templates.ts';

export interface Targets {
  /** 1 where abnormal: [B, S, S]. */
  readonly masks: Tensor;
  /** 1 = abnormal, as classes [B] i32 and as numbers [B] f32. */
  readonly classes: Tensor;
  readonly labels: Tensor;
}

/** Every term, and their weighted `total`; terms that the options leave out of the total are not computed unless `all`. */
export type Losses = Readonly<Record<string, Tensor>> & { readonly total: Tensor };

/**
 * The terms of the loss, scalars [1]: for each of both maps i `focal<i>`, `dice_abn<i>` and `dice_nor<i>`, weighted and
 * summed as `local`; `ce` of the image's class, `score_focal` of its score, `oc` between the K abnormality prompts, `prior`
 * of normal images, `kg` of the prototypes' distance to a written pair.
 * @param options written: unit prototypes of that pair, the normal one first [2, E]; wanted with `knowledgeWeight`
 * @throws RangeError where the options leave all of them out
 */
export function losses(
  context: Context,
  result: Forward,
  { masks, classes, labels }: Targets,
  { options, written, all = false }: Pick<FapromptModel, 'options' | 'written'> & { readonly all?: boolean },
): Losses {
  const { graph } = context;
  const terms: Record<string, Tensor> = {};
  let total: Tensor | undefined;
  const accumulate = (sum: Tensor | undefined, term: Tensor, weight: number): Tensor => {
    const weighted = weight === 1 ? term : affine(graph, term, weight);
    return sum ? add(graph, sum, weighted) : weighted;
  };

  let local: Tensor | undefined;
  [options.map1Weight, adaptsToImage(options) ? options.map2Weight : 0].forEach((weight, i) => {
    if (weight === 0 && !all) return;
    const map = result.maps[i]!;
    const { focal, abnormal, normal } = segmentationLosses(graph, map, masks);
    Object.assign(terms, {
      [`focal${i + 1}`]: focal,
      [`dice_abn${i + 1}`]: abnormal,
      [`dice_nor${i + 1}`]: normal,
    });
    const segmentation = add(graph, add(graph, focal, abnormal), normal);
    if (weight !== 0) local = accumulate(local, segmentation, weight);
  });
  if (local) total = terms.local = local;

  if (options.crossEntropy || all) terms.ce = crossEntropy(graph, result.imageLogits, classes);
  if (options.crossEntropy) total = accumulate(total, terms.ce!, 1);

  if (options.scoreLoss !== 'none') {
    terms.score_focal = binaryFocal(graph, result.score, labels, { kind: options.scoreLoss });
    total = accumulate(total, terms.score_focal, 1);
  }

  if (options.orthogonalWeight !== 0 || all) terms.oc = cosinePairs(graph, result.abnormalFeatures);
  if (options.orthogonalWeight !== 0) total = accumulate(total, terms.oc!, options.orthogonalWeight);

  if (result.prior && (options.priorWeight !== 0 || all))
    terms.prior = priorLoss(context, result.prior, labels, options);
  if (result.prior && options.priorWeight !== 0) total = accumulate(total, terms.prior!, options.priorWeight);

  if (options.knowledgeWeight !== 0) {
    if (!written) throw new Error('the prototypes of a written pair were not given');
    const distances = result.prototypes.map((prototypes) => knowledgeLoss(context, prototypes, written));
    terms.kg = distances.reduce((sum, distance) => add(graph, sum, distance));
    total = accumulate(total, terms.kg, options.knowledgeWeight);
  }
  if (!total) throw new RangeError('the options leave out every loss');
  return { ...terms, total };
}

/** Pulls the prior of normal images to zero: squares reduced over entries, then over images. */
function priorLoss(
  { graph }: Context,
  prior: Tensor,
  labels: Tensor,
  { priorEntries, priorImages }: FapromptOptions,
): Tensor {
  const [images, width] = prior.shape as [number, number];
  const scale = (priorEntries === 'mean' ? 1 / width : 1) * (priorImages === 'mean' ? 1 / images : 1);
  return rowSquares(graph, prior, labels, { scale });
}
