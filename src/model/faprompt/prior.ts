// DAP: the data-dependent abnormality prior (the paper's section 3.4), and what else is made from the same patches.
import { gatherRows } from '../../kernels/gather/gather.ts';
import { linear } from '../../kernels/matmul/matmul.ts';
import { softmax } from '../../kernels/softmax/softmax.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import { topk } from '../../kernels/topk/topk.ts';
import type { ImageFeatures } from '../clip/vision.ts';
import type { Context } from '../context.ts';
import type { Learnables } from './learnables.ts';
import type { FapromptOptions } from './options.ts';
import { abnormalChannel } from './similarity.ts';

/** One prior vector per image: [B, text width]. @param chosen see choosePatches */
export const abnormalityPrior = (context: Context, learnables: Learnables, chosen: Tensor): Tensor =>
  network(context, learnables, 'patch_meta_net', chosen);

/** The weights of the abnormality prompts for each image, which add up to 1: [B, K]. @param chosen see choosePatches */
export const promptWeights = (context: Context, learnables: Learnables, chosen: Tensor): Tensor =>
  softmax(context.graph, network(context, learnables, 'prompt_weight_net', chosen), { axis: 1 });

/** Linear, ReLU, Linear. */
function network({ graph }: Context, learnables: Learnables, name: string, input: Tensor): Tensor {
  const layer = (i: number, x: Tensor, activation?: 'relu') =>
    linear(graph, x, learnables.get(`${name}.linear${i}.weight`), {
      bias: learnables.get(`${name}.linear${i}.bias`),
      activation,
    });
  return layer(2, layer(1, input, 'relu'));
}

/**
 * Features of the patches that `priorFrom` names, side by side: [B, M * E] (or the class feature: [B, E]). The choice
 * itself has no gradient.
 * @param patchProbabilities prior-free probabilities [B, 2, n]
 */
export function choosePatches(
  context: Context,
  { image, patches }: ImageFeatures,
  patchProbabilities: Tensor,
  { priorFrom, patches: count }: FapromptOptions,
): Tensor {
  const { graph, record } = context;
  if (priorFrom === 'class') return image;
  const [images, available, width] = patches.shape as [number, number, number];
  if (available < count)
    throw new RangeError(
      `the prior needs ${count} patches; the image has ${available}: use a larger image or a smaller M`,
    );
  let taken: Tensor;
  if (priorFrom === 'top') {
    const [values, indices] = topk(graph, abnormalChannel(context, patchProbabilities), count);
    record('topk_values', values);
    taken = record('topk_indices', indices);
  } else {
    const first = Int32Array.from({ length: images * count }, (_, i) => i % count);
    taken = graph.constant('patches 0..M-1', first, [images, count]);
  }
  record('taken', taken);
  return graph.view(record('selected', gatherRows(graph, patches, taken)), [images, count * width]);
}
