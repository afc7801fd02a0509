// From a vocabulary file to a tokenizer for any text.
import { isBlip } from './blip/config.ts';
import { createWordPiece } from './blip/wordpiece.ts';
import { createTokenizer, decodeVocabulary } from './clip/tokenizer/bpe.ts';
import type { Tokenizer } from './clip/tokenizer/tokenizer.ts';
import type { Clip } from './clip/weights.ts';

/** The bytes of OpenAI's byte-pair merges, or for a BLIP of BERT's vocab.txt; either may be gzipped. */
export interface VocabularyFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly name: string;
}

/** @throws WeightsError for a file that is not the vocabulary of such a model */
export async function vocabularyTokenizer(
  { config }: Pick<Clip, 'config'>,
  { bytes, name }: VocabularyFile,
): Promise<Tokenizer> {
  const text = await decodeVocabulary(bytes);
  return isBlip(config) ? createWordPiece(text, name, config.vocabSize) : createTokenizer(text, name);
}
