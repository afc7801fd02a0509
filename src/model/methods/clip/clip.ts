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
import type { ValueKind } from '../../value-kinds.ts';
import { type Method, methodHead } from '../method.ts';
import { optionsFamily } from '../option-values.ts';
import { namesClass, promptKinds, type WrittenPrompts } from '../written.ts';
import { writtenScorer } from '../written-scorer.ts';
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

export interface ClipSettings {
  readonly temperature: number;
  /** Of the map's smoothing, in pixels. */
  readonly sigma: number;
  /** Side of the map in pixels. */
  readonly size: number;
}

/**
 * @param image unit class features [B, E]
 * @param patches unit ordinary patch features [B, n, E]
 * @param prototypes [B or 1, 2, E]
 */
export function clipForward(
  context: Context,
  { image, patches }: Readonly<Record<string, Tensor>>,
  prototypes: Tensor,
  { temperature, sigma, size }: ClipSettings,
): { readonly score: Tensor; readonly map: Tensor } {
  const p = context.record('prob', probabilities(context, patches!, prototypes, temperature));
  const options = { temperature, maxMix: [0, 0], imageScore: 'class', size } as const;
  const found = scores(context, { image: image!, text: prototypes, patches: [p, p] }, options);
  const map = context.record('map', anomalyMap(context, found));
  return { score: found.score, map: smoothedMap(context, map, sigma) };
}

export const clipMethod = (name: string, title: string, options: ClipOptions): Method => ({
  ...methodHead('clip', name, title, options),
  namesClass: namesClass(options),
  needs: () => clipNeeds,
  scorer: (setup) =>
    writtenScorer(setup, options, { mean: 'unit' }, (context, features, prototypes) => {
      const { size } = setup;
      const settings = { ...options, sigma: smoothingSigma(size, options.sigma), size };
      return { ...clipForward(context, features, prototypes, settings), parameters: [] };
    }),
});

/** CLIP-AC: the same two states in each of ImageNet's 80 templates. */
export const clipAcOptions: ClipOptions = { ...clipDefaults, templates: imagenet.templates };

export const clipFamily = optionsFamily('clip', kinds, clipDefaults, clipMethod);
