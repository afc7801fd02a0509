// AnoVL (Deng et al., 2023; hq-deng/AnoVL, vl_test.py): WinCLIP's prompts for a domain, V-V patch tokens from all blocks,
// and an adapter that is fitted anew to every image (adaptation.ts).
//
//   t_s = u(mean_i E_text(w_i)), mean of features as they are; E: rows u(E_text(w_i)), normal ones first
//   score = mean over 22 views of softmax(u(class) T)_a           no temperature: scores lie near 0.5
//   a(h) = tanh(u(h) W^T + b) E;  g(h) = (h + a(h)) / 2;  r(h) = softmax(u(g(h)) T)
//   map = upsample(mean over 3 x 3 patches of r(h)_a)             align_corners=True, borders repeated, not smoothed
//
// Not built: vis_test.py, which cuts wide images (VisA) in two. The paper was not read; its code was.
import { clipNeeds } from '../../clip/needs.ts';
import type { Tokenizer } from '../../clip/tokenizer/tokenizer.ts';
import { textFeatures } from '../../clip/zero-shot.ts';
import { type Method, methodHead } from '../method.ts';
import { optionsFamily } from '../option-values.ts';
import { isKnown, knownTexts, spokenName, unitMean } from '../texts.ts';
import { winclipDefaults } from '../winclip/winclip.ts';
import { createAnovlScorer } from './adaptation.ts';
import { type AnovlOptions, anovlDefaults, anovlKinds } from './options.ts';

/** WinCLIP's 22 templates with other words for "photo", without the final ".": "an industrial photo of a {}". */
export const domainTemplates = (words: readonly string[]): string[] =>
  words.flatMap((word) =>
    winclipDefaults.templates.map((template) =>
      template
        .replace(/\.$/, '')
        .replace(/^a photo/, `${/^[aeiou]/.test(word) ? 'an' : 'a'} photo`)
        .replace('photo', word),
    ),
  );

/** The texts of a class, template outermost. `macaroni1` and `macaroni2` are called `macaroni`. */
export function anovlTexts(
  options: AnovlOptions,
  className: string,
): { normal: string[]; abnormal: string[] } {
  const spoken = className.replace(/^macaroni\d$/, 'macaroni');
  const name = options.object.replaceAll('{class}', spoken);
  const words = options.textures.includes(className) ? options.textureWords : options.objectWords;
  const compose = (states: readonly string[]) =>
    domainTemplates(words).flatMap((t) => states.map((state) => t.replace('{}', state.replace('{}', name))));
  return { normal: compose(options.normal), abnormal: compose(options.abnormal) };
}

/** The domain's words as far as a vocabulary has them: "industrial photo", or else "photo". */
function inVocabulary(tokenizer: Tokenizer, options: AnovlOptions): AnovlOptions {
  const known = (words: readonly string[]) => [
    ...new Set(words.map((word) => (isKnown(tokenizer, word) ? word : word.split(' ').at(-1)!))),
  ];
  return { ...options, objectWords: known(options.objectWords), textureWords: known(options.textureWords) };
}

export const anovl = (name: string, title: string, options: AnovlOptions): Method => ({
  ...methodHead('anovl', name, title, options),
  namesClass: options.object.includes('{class}'),
  needs: ({ visionLayers }) => ({
    ...clipNeeds,
    dualLayers: visionLayers,
    patches: 'raw',
    views: 'anovl',
    positions: 'bicubic-antialias',
    filter: 'bilinear',
  }),
  async scorer({ gpu, clip, size, needs, className = 'object', tokenizer }) {
    const words = (await tokenizer?.()) ?? clip.tokenizer;
    const spoken = options.textures.includes(className) ? className : spokenName(words, className);
    const { tokens, dropped } = knownTexts(clip, words, anovlTexts(inVocabulary(words, options), spoken));
    const { embedDim } = clip.config;
    const all = [...tokens.normal, ...tokens.abnormal];
    const raw = await textFeatures(gpu, clip, all, { unit: false });
    const rows = new Float32Array(all.length * embedDim);
    for (const [i, feature] of raw.entries()) rows.set(unitMean([feature]), i * embedDim);
    const prototypes = new Float32Array(2 * embedDim);
    prototypes.set(unitMean(raw.slice(0, tokens.normal.length)));
    prototypes.set(unitMean(raw.slice(tokens.normal.length)), embedDim);
    const scorer = await createAnovlScorer({ gpu, clip, size, needs }, { rows, prototypes }, options);
    return { ...scorer, dropped };
  },
});

export const anovlFamily = optionsFamily('anovl', anovlKinds, anovlDefaults, anovl);
