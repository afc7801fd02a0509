// FiLo (Gu et al., ACM MM 2024; CASIA-IVA-Lab/FiLo), called FiLO in the paper's tables, without its detector:
//
//   normal:   [SOT] V1..VM state . [EOT],  abnormal: [SOT] W1..WM state at position. [EOT]
//   V = v + net_V(u(f)), W = w + net_W(u(f)) for every image (CoCoOp);  f: class feature, with ln_post
//   t_n = u(mean u(.)),  t_a = u(mean u(.) over the chosen positions),  T = [t_n, t_a] / sqrt(2)
//   z_k = linear_k(tap_k) for every other tap, the sum of six convolutions of the rest;  taps: x, then V-V and x in turns
//   M_k = softmax( upsample( 100 u(z_k) T, align_corners=True ) )
//   phase 1: sum_k focal(M_k, y) + dice(M_k,a, y) + dice(M_k,n, 1 - y)
//   phase 2: CE( u(A(f)) T / 0.07, label ),  A(x) = x + SiLU(W2 ReLU(W1 x)): the adapter alone
//   map = mean_k blur(M_k,a),  score = ( u(A(f)) t_a / sqrt(2) + max map ) / 2, of the map without the boxes

import { crossEntropy } from '../../../kernels/cross_entropy/cross_entropy.ts';
import { add, affine, multiply } from '../../../kernels/elementwise/elementwise.ts';
import { l2norm } from '../../../kernels/l2norm/l2norm.ts';
import { linear, matmul } from '../../../kernels/matmul/matmul.ts';
import { quickgelu } from '../../../kernels/quickgelu/quickgelu.ts';
import { max } from '../../../kernels/reduce/reduce.ts';
import { relu } from '../../../kernels/relu/relu.ts';
import { segmentationLosses } from '../../../kernels/segmentation_loss/segmentation_loss.ts';
import { concat, slice } from '../../../kernels/slice/slice.ts';
import { f32, type Shape, type Tensor } from '../../../kernels/tensor.ts';
import type { ClipConfig } from '../../clip/config.ts';
import { encodeText } from '../../clip/text.ts';
import type { Context } from '../../context.ts';
import { filoKernels, type Get } from './decoder.ts';

export type Side = 'normal' | 'abnormal';
const sides = ['normal', 'abnormal'] as const;

export interface FiloSizes {
  /** M: learnable vectors of a prompt. */
  readonly tokens: number;
  /** Taps that go through linear layers, and those that go through convolutions. */
  readonly linear: number;
  readonly convolutions: number;
}

/** Name -> shape of every learnable, as in the published checkpoints. */
export function filoShapes(
  { tokens, linear: linears, convolutions }: FiloSizes,
  clip: ClipConfig,
): Map<string, Shape> {
  const { textWidth, visionWidth, embedDim } = clip;
  const hidden = Math.max(1, Math.floor(embedDim / 16));
  const shapes = new Map<string, Shape>();
  for (const side of sides) {
    const learner = `${side}_prompt_learner`;
    shapes
      .set(`${learner}.ctx`, [tokens, textWidth])
      .set(`${learner}.meta_net.linear1.weight`, [hidden, embedDim])
      .set(`${learner}.meta_net.linear1.bias`, [hidden])
      .set(`${learner}.meta_net.linear2.weight`, [textWidth, hidden])
      .set(`${learner}.meta_net.linear2.bias`, [textWidth]);
  }
  for (let i = 0; i < linears; i++)
    shapes
      .set(`decoder_linear.fc.${i}.weight`, [embedDim, visionWidth])
      .set(`decoder_linear.fc.${i}.bias`, [embedDim]);
  for (const [name, height, width] of filoKernels)
    for (let i = 0; i < convolutions; i++)
      shapes
        .set(`decoder_cov.fc_${name}.${i}.weight`, [embedDim, visionWidth, height, width])
        .set(`decoder_cov.fc_${name}.${i}.bias`, [embedDim]);
  const inner = Math.floor(embedDim / 2);
  return shapes.set('adapter.fc.0.weight', [inner, embedDim]).set('adapter.fc.2.weight', [embedDim, inner]);
}

/** What follows the learnable vectors in the texts of one kind, and which of them count. */
export interface FiloTexts {
  /** Embeddings, padded behind the end tokens: [P, L, D]. */
  readonly tails: Tensor;
  /** Row of each end token in them: i32 [P, 1]. */
  readonly ends: Tensor;
  /** 1 for the texts that are averaged, 0 for the others: [1, P]. */
  readonly chosen: Tensor;
}

/** Every learnable of these shapes as a parameter of the graph. */
export const learnableTensors = (
  { graph }: Context,
  shapes: ReadonlyMap<string, readonly number[]>,
): Map<string, Tensor> =>
  new Map([...shapes].map(([name, shape]) => [name, graph.parameter(name, f32(...shape))] as const));

export interface FiloPrompts extends Readonly<Record<Side, FiloTexts>> {
  /** Embedding of the start token [1, D]. */
  readonly start: Tensor;
}

/**
 * Unit prototypes over sqrt(2), the normal one first: [2, E].
 * @param unit unit class feature of one image [1, E]
 */
export function filoPrototypes(
  context: Context,
  unit: Tensor,
  { start, ...texts }: FiloPrompts,
  { get, clip }: { readonly get: Get; readonly clip: ClipConfig },
): Tensor {
  const { graph, record } = context;
  const width = clip.textWidth;
  const found = sides.map((side) => {
    const learner = `${side}_prompt_learner`;
    const layer = (i: number, x: Tensor) =>
      linear(graph, x, get(`${learner}.meta_net.linear${i}.weight`), {
        bias: get(`${learner}.meta_net.linear${i}.bias`),
      });
    const vectors = add(graph, get(`${learner}.ctx`), layer(2, relu(graph, layer(1, unit))));
    const beginning = concat(graph, [start, vectors], 0);
    const count = beginning.shape[0]!;
    // All texts of a kind begin with the same rows, which see nothing of what follows: they are encoded once.
    const { keys } = encodeText(
      context,
      {
        embeddings: graph.view(beginning, [1, count, width]),
        start: 0,
        end: count - 1,
        name: `${side}/start`,
      },
      clip,
    );
    const { tails, ends, chosen } = texts[side];
    const { features } = encodeText(
      context,
      { embeddings: tails, start: count, end: ends, prefix: keys, name: side },
      clip,
    );
    return l2norm(graph, matmul(graph, chosen, l2norm(graph, features)));
  });
  return record('text', affine(graph, concat(graph, found, 0), Math.SQRT1_2));
}

/** u(f), or u(A(f)) with the adapter: [1, E]. @param raw class feature, not normalised [1, E] */
export function filoClass({ graph }: Context, raw: Tensor, get: Get, adapter: boolean): Tensor {
  if (!adapter) return l2norm(graph, raw);
  const inner = relu(graph, linear(graph, raw, get('adapter.fc.0.weight')));
  const outer = linear(graph, inner, get('adapter.fc.2.weight'));
  // SiLU(x) = QuickGELU(x / 1.702) * 1.702, as QuickGELU(x) = x sigmoid(1.702 x).
  const silu = affine(graph, quickgelu(graph, affine(graph, outer, 1 / 1.702)), 1.702);
  return l2norm(graph, add(graph, raw, silu));
}

/** Cosines with both prototypes, over sqrt(2): [1, 2]. There is no softmax, here or in the score. */
export const filoSimilarities = ({ graph, record }: Context, unit: Tensor, text: Tensor): Tensor =>
  record('probs', matmul(graph, unit, text, { transposeB: true }));

/** Phase 1: every term, and their sum `total`. @param masks 1 where abnormal [1, S, S] */
export function filoMapLosses({ graph }: Context, maps: readonly Tensor[], masks: Tensor) {
  const terms: Record<string, Tensor> = {};
  for (const [i, map] of maps.entries()) {
    const { focal, abnormal, normal } = segmentationLosses(graph, map, masks);
    Object.assign(terms, { [`focal${i}`]: focal, [`dice_abn${i}`]: abnormal, [`dice_nor${i}`]: normal });
  }
  return { ...terms, total: Object.values(terms).reduce((a, b) => add(graph, a, b)) };
}

/** Phase 2. @param similarities [1, 2] @param classes i32 [1] */
export function filoClassLosses({ graph }: Context, similarities: Tensor, classes: Tensor) {
  const ce = crossEntropy(graph, affine(graph, similarities, 1 / 0.07), classes);
  return { ce, total: ce };
}

/**
 * The published test: mean of the smoothed maps, the score from it, then the boxes.
 * @param inside factor of every pixel, 1 inside of boxes [S, S]
 */
export function filoDetection(
  context: Context,
  similarities: Tensor,
  maps: readonly Tensor[],
  inside: Tensor,
): { map: Tensor; score: Tensor } {
  const { graph } = context;
  const size = inside.shape[0]!;
  const abnormal = maps
    .map((map) => graph.view(slice(graph, map, { axis: 1, start: 1, end: 2 }), [size, size]))
    .reduce((sum, map) => add(graph, sum, map));
  const smooth = blur3(context, affine(graph, abnormal, 1 / maps.length));
  const [largest] = max(graph, graph.view(smooth, [1, size * size]), 1);
  const ofClass = graph.view(slice(graph, similarities, { axis: 1, start: 1, end: 2 }), [1]);
  return {
    map: graph.view(multiply(graph, smooth, inside), [1, size, size]),
    score: affine(graph, add(graph, ofClass, largest), 0.5),
  };
}

/** Gaussian of 3 x 3 pixels, sigma 4, reflected at the borders without the edge: two products with a band matrix. */
function blur3({ graph }: Context, x: Tensor): Tensor {
  const size = x.shape[0]!;
  const side = Math.exp(-1 / 32);
  const [near, middle] = [side / (1 + 2 * side), 1 / (1 + 2 * side)];
  const band = new Float32Array(size * size);
  const reflect = (i: number) => (i < 0 ? -i : i >= size ? 2 * size - 2 - i : i);
  for (let i = 0; i < size; i++) {
    band[i * size + i]! += middle;
    for (const j of [i - 1, i + 1]) band[i * size + (size === 1 ? 0 : reflect(j))]! += near;
  }
  const matrix = graph.constant('blur', band, [size, size]);
  return matmul(graph, matmul(graph, matrix, x), matrix, { transposeB: true });
}
