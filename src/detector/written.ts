// Hand-written prompts: a method of which nothing is learned. Loaded when it is asked for, as OpenAI's tokenizer is large.

import { WeightsError } from '../formats/errors.ts';
import { isBlip } from '../model/blip/config.ts';
import { defaultImageSize } from '../model/clip/image-graph.ts';
import { openaiVocabulary, type Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import { defaultDualLayers } from '../model/clip/vision.ts';
import type { Clip } from '../model/clip/weights.ts';
import { bestWritten, namedMethods } from '../model/methods/named.ts';
import { withObject } from '../model/methods/parse.ts';
import type { Prompts } from '../model/methods/prompts-file.ts';
import { type VocabularyFile, vocabularyTokenizer } from '../model/vocabulary.ts';
import { DetectorError } from './errors.ts';

/** Reads a vocabulary, where it is needed. */
export type LazyVocabulary = () => Promise<VocabularyFile>;

export interface GivenWritten {
  readonly method?: string | undefined;
  readonly object?: string | undefined;
  readonly vocabulary?: LazyVocabulary | undefined;
}

/** @throws DetectorError 'bad-option' for a method that is not known or has to be trained */
export function writtenPrompts(
  clip: Clip,
  sha256: string,
  { method: name = bestWritten, object }: GivenWritten,
): Prompts {
  const method = namedMethods.get(name);
  if (!method || method.learning) {
    const written = [...namedMethods.values()].filter(({ learning }) => !learning);
    const expected = `one of ${written.map((one) => one.name).join(', ')}`;
    throw new DetectorError('bad-option', `prompts.method: expected ${expected}, found ${name}`);
  }
  return {
    method: withObject(method, object),
    clip: sha256,
    imageSize: defaultImageSize(clip.config),
    dualLayers: defaultDualLayers(clip.config),
    training: {},
    learnables: new Map(),
  };
}

/**
 * For any text: the CLIP's own word list, or what a vocabulary file says.
 * @throws DetectorError 'bad-text' where there is neither
 */
export async function anyTextTokenizer(
  clip: Clip,
  { vocabulary }: Pick<GivenWritten, 'vocabulary'>,
): Promise<Tokenizer> {
  const blip = isBlip(clip.config);
  if (clip.metadata.has('tokenizer') || (!blip && clip.config.vocabSize !== openaiVocabulary.vocabSize))
    return clip.tokenizer;
  let cause: unknown;
  if (vocabulary) {
    try {
      return await vocabularyTokenizer(clip, await vocabulary());
    } catch (error) {
      // What ships are the words of CLIPs.
      if (!blip || !(error instanceof WeightsError)) throw error;
      cause = error;
    }
  }
  const file = blip ? "BERT's vocab.txt" : 'bpe_simple_vocab_16e6.txt(.gz) or merges.txt';
  throw new DetectorError(
    'bad-text',
    `${clip.name} has no word list of its own: texts need a vocabulary, expected ${file}`,
    { hint: `give \`vocabulary\`: ${file}`, cause },
  );
}
