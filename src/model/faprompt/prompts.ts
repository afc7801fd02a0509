// CAP: the compound abnormality prompts, encoded (the paper's section 3.2).
import { add, expand } from '../../kernels/elementwise/elementwise.ts';
import { l2norm } from '../../kernels/l2norm/l2norm.ts';
import { matmul } from '../../kernels/matmul/matmul.ts';
import { concat } from '../../kernels/slice/slice.ts';
import type { Tensor } from '../../kernels/tensor.ts';
import { unitMeans } from '../../kernels/unit_means/unit_means.ts';
import { encodeText, type TextFeatures } from '../clip/text.ts';
import type { Context } from '../context.ts';
import type { Learnables } from './learnables.ts';
import type { FapromptOptions } from './options.ts';
import { type FapromptModel, sharedTokens } from './templates.ts';

export interface PromptEncoder {
  /** The normal prompt's feature [1, E] and its keys, whose beginning all prompts share. */
  readonly normal: TextFeatures;
  /**
   * Features of the abnormality prompts, prior-free [K, E], or [B * K, E] with one prior [B, D] per image, which is
   * added to every abnormal token of every prompt.
   */
  abnormal(name: string, prior?: Tensor): Tensor;
}

export interface PromptEncoderOptions {
  /**
   * Encode the shared beginning [SOT] V1..VE (without compound prompts [SOT]) once for all prompts (exact: attention is
   * causal, so those rows are the same in every prompt). false: every prompt in full, for comparison.
   */
  readonly sharePrefix?: boolean;
  /** Rows per prompt, end token included; longer rows are padded with token 0 as CLIP does, for comparison. */
  readonly length?: number;
}

/** Encodes the normal prompt and returns how to encode the abnormality prompts. */
export function createPromptEncoder(
  context: Context,
  learnables: Learnables,
  { clip, options, templates, rows }: FapromptModel,
  { sharePrefix = true, length = 0 }: PromptEncoderOptions = {},
): PromptEncoder {
  const { graph, record } = context;
  const { normalTokens, abnormalTokens, prompts } = options;
  const { layerTokens } = learnables;
  const sharedCount = sharedTokens(options);
  const width = clip.textWidth;
  const shared = learnables.get('ctx_pos');
  const own = learnables.get('ctx_neg');

  /** Embeddings of fixed words, ids from..to, padded to `length` rows: [1, n, D]. */
  const words = (name: string, ids: Int32Array, from: number, to = Math.max(ids.length, length)): Tensor => {
    const values = new Float32Array((to - from) * width);
    for (let i = from; i < to; i += 1) values.set(rows.get(ids[i] ?? 0)!, (i - from) * width);
    return graph.constant(`template/${name}`, values, [1, to - from, width]);
  };
  const startToken = words('start', templates.normal, 0, 1);
  const normalTail = words('normal', templates.normal, 1 + normalTokens);
  const abnormalTail = words('abnormal', templates.abnormal, 1 + sharedCount + abnormalTokens);

  const normalEmbeddings = concat(
    graph,
    [startToken, graph.view(shared, [1, normalTokens, width]), normalTail],
    1,
  );
  const normal = encodeText(
    context,
    {
      embeddings: record('prompt/pos', normalEmbeddings),
      start: 0,
      end: templates.normal.length - 1,
      layerTokens,
      name: 'text_pos',
    },
    clip,
  );

  const start = sharePrefix ? 1 + sharedCount : 0;
  return {
    normal,
    abnormal(name, prior) {
      const images = prior ? prior.shape[0]! : 1;
      const texts = images * prompts;
      const repeat = (x: Tensor) => expand(graph, x, [texts, x.shape[1]!, width]);
      const withPrior = prior ? add(graph, own, graph.view(prior, [images, 1, 1, width])) : own;
      const parts = [graph.view(withPrior, [texts, abnormalTokens, width]), repeat(abnormalTail)];
      if (!sharePrefix) {
        if (sharedCount > 0) parts.unshift(repeat(graph.view(shared, [1, sharedCount, width])));
        parts.unshift(repeat(startToken));
      }
      const embeddings = record(prior ? `${name}prompt_neg` : 'prompt/neg', concat(graph, parts, 1));
      const input = {
        embeddings,
        start,
        end: templates.abnormal.length - 1,
        layerTokens,
        name: `${name}text_neg`,
      };
      return encodeText(context, sharePrefix ? { ...input, prefix: normal.keys } : input, clip).features;
    },
  };
}

/**
 * Prototypes, unit vectors, the normal one first: [B, 2, E] with the mean of the K un-normalised abnormality features,
 * [B, 1 + K, E] with each of them (`best`).
 * @param normal [1, E]
 * @param abnormal [B * K, E], or [K, E] for all images
 * @param weights of the mean, for each image: [B, K]; absent: all the same
 */
export function prototypes(
  { graph }: Context,
  { normal, abnormal }: { readonly normal: Tensor; readonly abnormal: Tensor },
  { prompts, aggregate }: Pick<FapromptOptions, 'prompts' | 'aggregate'>,
  weights?: Tensor,
): Tensor {
  const [texts, width] = abnormal.shape as [number, number];
  if (!weights && aggregate !== 'best') return unitMeans(graph, normal, abnormal, { members: prompts });
  const features = graph.view(abnormal, [texts / prompts, prompts, width]);
  const chosen = weights
    ? matmul(graph, graph.view(weights, [weights.shape[0]!, 1, prompts]), features)
    : features;
  return l2norm(graph, concat(graph, [expand(graph, normal, [chosen.shape[0]!, 1, width]), chosen], 1));
}
