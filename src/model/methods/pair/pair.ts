// Hand-written prompts on FAPrompt's features: V-V patches, its temperature, score and smoothing. The plainest thing that
// FAPrompt can be compared with, and what prompts of one's own are scored by.
import type { Tensor } from '../../../kernels/tensor.ts';
import { fapromptNeeds } from '../../clip/needs.ts';
import { defaultDualLayers } from '../../clip/vision.ts';
import { presets } from '../../faprompt/options.ts';
import { anomalyMap, scores, smoothedMap, smoothingSigma } from '../../faprompt/score.ts';
import { probabilities } from '../../faprompt/similarity.ts';
import { compileScorer } from '../../scorer.ts';
import type { Family, Method } from '../method.ts';
import { parseValues } from '../option-values.ts';
import { writtenPrototypes } from '../texts.ts';
import { winclipDefaults } from '../winclip/winclip.ts';
import { namesClass, promptKinds, spokenPhrases, type WrittenPrompts } from '../written.ts';

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
  name,
  title,
  family: 'written',
  options: { ...prompts },
  namesClass: namesClass(prompts),
  needs: (clip, { dualLayers = defaultDualLayers(clip) } = {}) => fapromptNeeds(dualLayers),
  async scorer({ gpu, clip, size, needs, className, tokenizer }) {
    const words = (await tokenizer?.()) ?? clip.tokenizer;
    const texts = spokenPhrases(prompts, words, className);
    const prototypes = await writtenPrototypes(gpu, clip, words, texts, 'unit');
    const options = {
      temperature: prompts.temperature,
      maxMix: presets.topm.maxMix,
      imageScore: presets.topm.imageScore,
    };
    const scorer = await compileScorer(gpu, clip, size, needs, (context, { image, patches }) => {
      const text: Tensor = context.graph.constant('prototypes', prototypes.values, [
        1,
        2,
        clip.config.embedDim,
      ]);
      const found = probabilities(context, patches!, text, options.temperature);
      const result = scores(context, image!, text, [found, found], options, size);
      return {
        map: smoothedMap(context, anomalyMap(context, result), smoothingSigma(size)),
        score: result.score,
        parameters: [],
      };
    });
    return { ...scorer, dropped: prototypes.dropped };
  },
});

export const writtenFamily: Family = {
  name: 'written',
  defaults: { ...writtenPair },
  parse: (name, title, options, fail) =>
    written(name, title, parseValues(promptKinds, writtenPair, options, fail)),
};
