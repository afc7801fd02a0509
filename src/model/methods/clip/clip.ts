// CLIP and CLIP-AC (the paper's baselines): an unmodified CLIP with two prototypes, "normal" and "anomalous".
//
//   t_s = u(mean_i u(E_text(w_i)))            f = u(LN_post(x) P), class token and ordinary patch tokens alike
//   p_a(f) = softmax([f t_n, f t_a] / tau)_a  tau = 1 / 100
//   score = p_a(class), map = Gaussian(upsample(p_a(patches)))
//
// Weak by design: the pixel AUROC below 50 of the paper's table 2 is the inverted similarity of ordinary patch tokens.
// From memory of AnomalyCLIP's appendix, and so options: prompts, smoothing, and reading class names with spaces.
import type { Tensor } from '../../../kernels/tensor.ts';
import { clipNeeds } from '../../clip/needs.ts';
import type { Context } from '../../context.ts';
import { anomalyMap, scores, smoothedMap, smoothingSigma } from '../../faprompt/score.ts';
import { probabilities } from '../../faprompt/similarity.ts';
import { compileScorer } from '../../scorer.ts';
import type { Family, Method } from '../method.ts';
import { parseValues, type ValueKind } from '../option-values.ts';
import { writtenPrototypes } from '../texts.ts';
import { namesClass, promptKinds, spokenPhrases, type WrittenPrompts } from '../written.ts';
import imagenet from './imagenet-templates.json' with { type: 'json' };

export interface ClipOptions extends WrittenPrompts {
  /** Sigma of the map's smoothing in pixels, at 518. */
  readonly sigma: number;
}

export const clipDefaults: ClipOptions = {
  normal: ['normal {}'],
  abnormal: ['anomalous {}'],
  templates: ['A photo of a {}.'],
  object: '{class}',
  temperature: 0.01,
  sigma: 4,
};

const kinds: Record<keyof ClipOptions, ValueKind> = { ...promptKinds, sigma: { kind: 'number', min: 0 } };

/**
 * @param image unit class features [B, E]
 * @param patches unit ordinary patch features [B, n, E]
 * @param prototypes [B or 1, 2, E]
 */
export function clipForward(
  context: Context,
  { image, patches }: Readonly<Record<string, Tensor>>,
  prototypes: Tensor,
  { temperature, sigma }: { readonly temperature: number; readonly sigma: number },
  size: number,
): { readonly score: Tensor; readonly map: Tensor } {
  const p = context.record('prob', probabilities(context, patches!, prototypes, temperature));
  const options = { temperature, maxMix: [0, 0], imageScore: 'class' } as const;
  const found = scores(context, image!, prototypes, [p, p], options, size);
  const map = context.record('map', anomalyMap(context, found));
  return { score: found.score, map: smoothedMap(context, map, sigma) };
}

export const clipMethod = (name: string, title: string, options: ClipOptions): Method => ({
  name,
  title,
  family: 'clip',
  options: { ...options },
  namesClass: namesClass(options),
  needs: () => clipNeeds,
  async scorer({ gpu, clip, size, needs, className, tokenizer }) {
    const words = (await tokenizer?.()) ?? clip.tokenizer;
    const texts = spokenPhrases(options, words, className);
    const { values, dropped } = await writtenPrototypes(gpu, clip, words, texts, 'unit');
    const scorer = await compileScorer(gpu, clip, size, needs, (context, features) => {
      const prototypes = context.graph.constant('prototypes', values, [1, 2, clip.config.embedDim]);
      const sigma = smoothingSigma(size, options.sigma);
      const found = clipForward(context, features, prototypes, { ...options, sigma }, size);
      return { ...found, parameters: [] };
    });
    return { ...scorer, dropped };
  },
});

/** CLIP-AC: the same two states in each of ImageNet's 80 templates. */
export const clipAcOptions: ClipOptions = { ...clipDefaults, templates: imagenet.templates };

export const clipFamily: Family = {
  name: 'clip',
  defaults: { ...clipDefaults },
  parse: (name, title, options, fail) =>
    clipMethod(name, title, parseValues(kinds, clipDefaults, options, fail)),
};
