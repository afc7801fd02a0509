// BLIP as a method: see pair.ts for what is computed and why it is our own definition.

import { createRandom, deriveSeed } from '../../../base/random.ts';
import { WeightsError } from '../../../formats/errors.ts';
import { slice } from '../../../kernels/slice/slice.ts';
import { type BlipConfig, isBlip } from '../../blip/config.ts';
import { clipNeeds } from '../../clip/needs.ts';
import type { Tokenizer } from '../../clip/tokenizer/tokenizer.ts';
import type { Clip } from '../../clip/weights.ts';
import { smoothedMap, smoothingSigma } from '../../faprompt/score.ts';
import { compileScorer } from '../../scorer.ts';
import type { ValueKind } from '../../value-kinds.ts';
import { bindLearned } from '../learned.ts';
import { type Learning, type Method, methodHead } from '../method.ts';
import { adamOptimizer } from '../optimizer.ts';
import { optionsFamily } from '../option-values.ts';
import {
  type BlipPairOptions,
  type BlipPairWords,
  blipPairDefaults,
  blipPairForward,
  blipPairLosses,
  blipPairShapes,
} from './pair.ts';

export interface BlipOptions extends BlipPairOptions {
  /** The fixed words of both prompts, after the learnable vectors. */
  readonly normal: string;
  readonly abnormal: string;
  /** Share of the image encoder's last blocks that carry a V-V stream, which the patches are of; 0: ordinary patches. */
  readonly dualShare: number;
  /** Sigma of the map's smoothing in pixels, at 518. */
  readonly sigma: number;
}

export const blipDefaults: BlipOptions = {
  ...blipPairDefaults,
  normal: 'object .',
  abnormal: 'damaged object .',
  dualShare: 0.75,
  sigma: 4,
};

const kinds: Record<keyof BlipOptions, ValueKind> = {
  tokens: { kind: 'count', min: 1 },
  temperature: { kind: 'number', min: 1e-3 },
  mapWeight: { kind: 'number', min: 0 },
  normal: { kind: 'text' },
  abnormal: { kind: 'text' },
  dualShare: { kind: 'number', min: 0, max: 1 },
  sigma: { kind: 'number', min: 0 },
};

/** @throws WeightsError for a CLIP */
function blipOf({ name, config }: Pick<Clip, 'name' | 'config'>): BlipConfig {
  if (isBlip(config)) return config;
  throw new WeightsError({
    file: name,
    expected: 'a BLIP (visual_encoder..., text_encoder...)',
    found: 'a CLIP',
  });
}

async function wordsOf(clip: Clip, tokenizer: Tokenizer, options: BlipOptions): Promise<BlipPairWords> {
  const ids = (text: string) => [...tokenizer.encode(text), tokenizer.eot];
  const words = { start: tokenizer.sot, normal: ids(options.normal), abnormal: ids(options.abnormal) };
  const rows = await clip.tokenRows([...new Set([words.start, ...words.normal, ...words.abnormal])]);
  return { ...words, rows };
}

const learning = (options: BlipOptions): Learning => ({
  schedule: { epochs: 15, batch: 8, learningRate: 1e-3 },
  optimizer: adamOptimizer(),
  shapes: (config) => blipPairShapes(options, config),
  async initial(clip, seed) {
    const random = createRandom(deriveSeed(seed, 'learnables'));
    return new Map(
      [...blipPairShapes(options, blipOf(clip))].map(([name, shape]) => [
        name,
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.02 * random.normal()),
      ]),
    );
  },
  async prepare({ clip, size, tokenizer }) {
    const config = blipOf(clip);
    const words = await wordsOf(clip, (await tokenizer?.()) ?? clip.tokenizer, options);
    return {
      build(model, { image, patches }, targets) {
        const found = blipPairForward(model, { image: image!, patches: patches! }, words, {
          options,
          config,
          size,
        });
        return { learnables: found.learnables, losses: blipPairLosses(model, found, targets, options) };
      },
    };
  },
});

export const blipMethod = (name: string, title: string, options: BlipOptions): Method => ({
  ...methodHead('blip', name, title, options),
  namesClass: false,
  needs: (clip, { dualLayers = Math.round(options.dualShare * clip.visionLayers) } = {}) => ({
    ...clipNeeds,
    dualLayers,
    positions: 'bicubic',
  }),
  learning: learning(options),
  async scorer({ gpu, clip, size, needs, tokenizer, learned }) {
    const config = blipOf(clip);
    const words = await wordsOf(clip, (await tokenizer?.()) ?? clip.tokenizer, options);
    return compileScorer({ gpu, clip, size, needs }, (context, { image, patches }) => {
      const { graph } = context;
      const found = blipPairForward(context, { image: image!, patches: patches! }, words, {
        options,
        config,
        size,
      });
      const abnormal = graph.view(slice(graph, found.map, { axis: 1, start: 1, end: 2 }), [
        image!.shape[0]!,
        size,
        size,
      ]);
      return {
        map: smoothedMap(context, abnormal, smoothingSigma(size, options.sigma)),
        score: found.score,
        parameters: bindLearned(found.learnables, learned),
      };
    });
  },
});

export const blipFamily = optionsFamily('blip', kinds, blipDefaults, blipMethod);
