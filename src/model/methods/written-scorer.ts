// Detection with hand-written prompts, by the scoring code of the learned ones.

import { TokenizerError } from '../../formats/errors.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import type { Tokenizer } from '../clip/tokenizer/tokenizer.ts';
import type { Clip } from '../clip/weights.ts';
import { textFeatures, textTokens } from '../clip/zero-shot.ts';
import { presets } from '../faprompt/options.ts';
import { scores } from '../faprompt/score.ts';
import { compileScorer, type Scorer } from '../faprompt/scorer.ts';
import { probabilities } from '../faprompt/similarity.ts';
import { phrases, type WrittenPrompts } from './written.ts';

export interface WrittenScorer extends Scorer {
  /** Phrases with words that the vocabulary lacks: they are left out. */
  readonly dropped: readonly string[];
}

/**
 * @param size side of the maps in pixels
 * @param className stands for "{class}" in the prompts
 * @throws TokenizerError if the vocabulary cannot express a single phrase of either kind
 */
export async function createWrittenScorer(
  gpu: Gpu,
  clip: Clip,
  tokenizer: Tokenizer,
  prompts: WrittenPrompts,
  size: number,
  className?: string,
): Promise<WrittenScorer> {
  const texts = phrases(prompts, className);
  const dropped: string[] = [];
  const prototypes = new Float32Array(2 * clip.config.embedDim);
  for (const [row, kind] of (['normal', 'abnormal'] as const).entries()) {
    const known = knownTexts(clip, tokenizer, texts[kind], dropped);
    prototypes.set(unitMean(await textFeatures(gpu, clip, known)), row * clip.config.embedDim);
  }
  const options = { temperature: prompts.temperature, maxMix: presets.topm.maxMix };
  const scorer = await compileScorer(gpu, clip, size, (context, { image, patches }) => {
    const text = context.graph.constant('prototypes', prototypes, [1, 2, clip.config.embedDim]);
    const found = probabilities(context, patches, text, options.temperature);
    return { ...scores(context, image, text, [found, found], options, size), parameters: [] };
  });
  return { ...scorer, dropped };
}

/** Tokens of the texts that the vocabulary can express; the others are added to `dropped`. */
function knownTexts(clip: Clip, tokenizer: Tokenizer, texts: readonly string[], dropped: string[]) {
  let problem: TokenizerError | undefined;
  const known = texts.flatMap((text) => {
    try {
      return [textTokens(clip, tokenizer, text)];
    } catch (error) {
      if (!(error instanceof TokenizerError)) throw error;
      problem ??= error;
      dropped.push(text);
      return [];
    }
  });
  if (known.length === 0) throw problem ?? new RangeError('written prompts need texts of both kinds');
  return known;
}

/** The unit vector of the mean of unit vectors. */
function unitMean(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float64Array(vectors[0]!.length);
  for (const vector of vectors) for (const [i, x] of vector.entries()) sum[i]! += x;
  const norm = Math.hypot(...sum);
  return Float32Array.from(sum, (x) => x / norm);
}
