// DAP: the data-dependent abnormality prior (the paper's section 3.3).
import { gatherRows } from '../../kernels/gather/gather.ts';
import { linear } from '../../kernels/matmul/matmul.ts';
import type { Tensor } from '../../kernels/op.ts';
import { relu } from '../../kernels/relu/relu.ts';
import { topk } from '../../kernels/topk/topk.ts';
import type { ImageFeatures } from '../clip/vision.ts';
import type { Context } from '../context.ts';
import type { Learnables } from './learnables.ts';
import type { FapromptOptions } from './options.ts';
import { abnormalChannel } from './similarity.ts';

/**
 * One prior vector per image: [B, text width]. The features of the chosen patches, side by side, go through
 * Linear, ReLU, Linear. The choice itself has no gradient.
 * @param patchProbabilities prior-free probabilities [B, 2, n]
 */
export function abnormalityPrior(
  context: Context,
  learnables: Learnables,
  features: ImageFeatures,
  patchProbabilities: Tensor,
  options: FapromptOptions,
): Tensor {
  const { graph } = context;
  const chosen = choosePatches(context, features, patchProbabilities, options);
  const parameter = (name: string) => learnables.get(`patch_meta_net.${name}`);
  const hidden = linear(graph, chosen, parameter('linear1.weight'), { bias: parameter('linear1.bias') });
  return linear(graph, relu(graph, hidden), parameter('linear2.weight'), { bias: parameter('linear2.bias') });
}

/** Features of the patches that `priorFrom` names, side by side: [B, M * E] (or the class feature: [B, E]). */
function choosePatches(
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
