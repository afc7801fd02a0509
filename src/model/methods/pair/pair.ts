// Hand-written prompts on FAPrompt's features: V-V patches, its temperature, score and smoothing. The plainest thing that
// FAPrompt can be compared with, and what prompts of one's own are scored by.

import { fapromptNeeds } from '../../clip/needs.ts';
import { defaultDualLayers } from '../../clip/vision.ts';
import { presets } from '../../faprompt/options.ts';
import { anomalyMap, scores, smoothedMap, smoothingSigma } from '../../faprompt/score.ts';
import { probabilities } from '../../faprompt/similarity.ts';
import { type Method, methodHead } from '../method.ts';
import { optionsFamily } from '../option-values.ts';
import { winclipDefaults } from '../winclip/winclip.ts';
import { namesClass, promptKinds, type WrittenPrompts } from '../written.ts';
import { writtenScorer } from '../written-scorer.ts';

/** One pair of prompts. */
export const writtenPair: WrittenPrompts = {
  normal: ['flawless {}'],
  abnormal: ['damaged {}'],
  templates: ['a photo of a {}.'],
  object: 'object',
  temperature: 0.07,
};

/** WinCLIP's states and templates, of an object without a name. */
export const writtenEnsemble: WrittenPrompts = {
  normal: winclipDefaults.normal,
  abnormal: winclipDefaults.abnormal,
  templates: winclipDefaults.templates,
  object: 'object',
  temperature: 0.07,
};

export const written = (name: string, title: string, prompts: WrittenPrompts): Method => ({
  ...methodHead('written', name, title, prompts),
  namesClass: namesClass(prompts),
  needs: (clip, { dualLayers = defaultDualLayers(clip) } = {}) => fapromptNeeds(dualLayers),
  scorer(setup) {
    const { size } = setup;
    const { maxMix, imageScore } = presets.topm;
    const options = { temperature: prompts.temperature, maxMix, imageScore, size };
    return writtenScorer(setup, prompts, { mean: 'unit' }, (context, { image, patches }, prototypes) => {
      const found = probabilities(context, patches!, prototypes, options.temperature);
      const compared = { image: image!, text: prototypes, patches: [found, found] } as const;
      const result = scores(context, compared, options);
      return {
        map: smoothedMap(context, anomalyMap(context, result), smoothingSigma(size)),
        score: result.score,
        parameters: [],
      };
    });
  },
});

export const writtenFamily = optionsFamily('written', promptKinds, writtenPair, written);
