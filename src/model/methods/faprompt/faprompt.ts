// FAPrompt, its ablations, and what grew out of the same code: AnomalyCLIP as published, AnomalyCLIP Ensemble* and CoCoOp
// as the paper's tables have them. They differ in FapromptOptions and nothing else; ../../faprompt/ has the equations.

import { createRandom, deriveSeed } from '../../../base/random.ts';
import { fapromptNeeds } from '../../clip/needs.ts';
import { defaultDualLayers } from '../../clip/vision.ts';
import type { ModelGraph } from '../../context.ts';
import { forward } from '../../faprompt/forward.ts';
import { initialLearnables, learnableShapes } from '../../faprompt/learnables.ts';
import { losses } from '../../faprompt/losses.ts';
import { laterOptions, parseOptions, writtenOptions } from '../../faprompt/option-checks.ts';
import { type FapromptOptions, presets } from '../../faprompt/options.ts';
import type { PromptEncoderOptions } from '../../faprompt/prompts.ts';
import { createScorer, loadTemplates } from '../../faprompt/scorer.ts';
import type { FapromptModel } from '../../faprompt/templates.ts';
import type { Family, Learner, LearnSetup, Method } from '../method.ts';
import { adamOptimizer } from '../optimizer.ts';
import { writtenPair } from '../pair/pair.ts';
import { writtenPrototypes } from '../texts.ts';
import { spokenPhrases } from '../written.ts';

/** Name of the family; files that name none are of it. */
export const fapromptFamilyName = 'faprompt';

export const publishedSchedule = { epochs: 15, batch: 8, learningRate: 1e-3 } as const;

/** FAPrompt's part of a step. @param allLosses loss terms that the options leave out are computed as well */
export const fapromptLearner = (
  faprompt: FapromptModel,
  size: number,
  { allLosses = false, ...encoder }: PromptEncoderOptions & { readonly allLosses?: boolean } = {},
): Learner => ({
  build(model: ModelGraph, { image, patches }, targets) {
    const result = forward(model, faprompt, { image: image!, patches: patches! }, { size, ...encoder });
    return {
      learnables: result.learnables.all,
      losses: losses(model, result, targets, { ...faprompt, all: allLosses }),
    };
  },
});

type OnClip = Pick<LearnSetup, 'gpu' | 'clip' | 'tokenizer'>;

/** What does not change during a training. */
export async function learnedModel(setup: OnClip, options: FapromptOptions): Promise<FapromptModel> {
  const model = await loadTemplates(setup.clip, options);
  return options.knowledgeWeight === 0 ? model : { ...model, written: await writtenPairOn(setup) };
}

/** Prototypes of a flawless and a damaged object, the pair that `--method pair` scores with. */
async function writtenPairOn({ gpu, clip, tokenizer }: OnClip): Promise<Float32Array> {
  if (!gpu) return new Float32Array(2 * clip.config.embedDim);
  const words = (await tokenizer?.()) ?? clip.tokenizer;
  const texts = spokenPhrases(writtenPair, words);
  return (await writtenPrototypes({ gpu, clip, tokenizer: words }, texts, 'unit')).values;
}

export const faprompt = (name: string, title: string, options: FapromptOptions): Method => ({
  name,
  title,
  family: fapromptFamilyName,
  options: writtenOptions(options),
  namesClass: false,
  needs: (clip, { dualLayers = defaultDualLayers(clip) } = {}) => fapromptNeeds(dualLayers),
  checkSize({ patch }, size) {
    const { prior, priorFrom, patches } = options;
    const most = (size / patch) ** 2;
    if (prior && priorFrom !== 'class' && patches > most)
      throw new RangeError(
        `patches: expected at most the ${most} of an image of ${size} pixels, found ${patches}`,
      );
  },
  learning: {
    schedule: publishedSchedule,
    optimizer: adamOptimizer(),
    shapes: (clip) => learnableShapes(options, clip),
    initial: async (clip, seed) =>
      initialLearnables(learnableShapes(options, clip.config), createRandom(deriveSeed(seed, 'learnables'))),
    prepare: async (setup) => fapromptLearner(await learnedModel(setup, options), setup.size),
  },
  scorer: ({ gpu, clip, size, learned = new Map() }) => createScorer({ gpu, clip, size }, options, learned),
});

export const fapromptFamily: Family = {
  name: fapromptFamilyName,
  defaults: { ...presets.topm },
  parse: (name, title, options, fail) =>
    faprompt(name, title, parseOptions({ ...laterOptions, ...options }, fail)),
};
