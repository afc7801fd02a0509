// Hand-written prompts: a method of which nothing is learned. Loaded when it is asked for, as OpenAI's tokenizer is large.

import { defaultImageSize } from '../model/clip/image-encoder.ts';
import { createTokenizer, decodeVocabulary } from '../model/clip/tokenizer/bpe.ts';
import { openaiVocabulary, type Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import { defaultDualLayers } from '../model/clip/vision.ts';
import type { Clip } from '../model/clip/weights.ts';
import { namedMethods } from '../model/methods/named.ts';
import { withObject } from '../model/methods/parse.ts';
import type { Prompts } from '../model/methods/prompts-file.ts';
import { DetectorError } from './errors.ts';

export interface GivenWritten {
  readonly method?: string | undefined;
  readonly object?: string | undefined;
  readonly vocabulary?: { readonly bytes: Uint8Array<ArrayBuffer>; readonly name: string } | undefined;
}

/** @throws DetectorError 'bad-option' for a method that is not known or has to be trained */
export function writtenPrompts(
  clip: Clip,
  sha256: string,
  { method: name = 'prompt-ensemble', object }: GivenWritten,
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

/** For any text: the CLIP's word list, or OpenAI's byte pairs. @throws DetectorError 'bad-text' where there are neither */
export async function anyTextTokenizer(clip: Clip, { vocabulary }: GivenWritten): Promise<Tokenizer> {
  if (clip.metadata.has('tokenizer') || clip.config.vocabSize !== openaiVocabulary.vocabSize)
    return clip.tokenizer;
  if (vocabulary) return createTokenizer(await decodeVocabulary(vocabulary.bytes), vocabulary.name);
  throw new DetectorError('bad-text', `${clip.name} has no word list of its own: prompts need a vocabulary`, {
    hint: 'give `vocabulary`: bpe_simple_vocab_16e6.txt(.gz) or merges.txt',
  });
}
