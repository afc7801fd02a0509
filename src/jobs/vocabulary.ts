// The tokenizer for any text: a weights file alone may only know the words of FAPrompt's templates.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { packageFile } from '../base/package.node.ts';
import { isBlip } from '../model/blip/config.ts';
import { openaiVocabulary, type Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import type { Clip } from '../model/clip/weights.ts';
import { vocabularyTokenizer } from '../model/vocabulary.ts';
import { UsageError } from './io.ts';
import { readOptionBytes } from './option-file.node.ts';

const readVocabulary = (file: string) => readOptionBytes('--vocabulary', file, 16 * 2 ** 20);

/** BERT's vocabulary, for a BLIP. */
const wordPieceName = 'vocab.txt';

/** Names under which the byte-pair merges are published: OpenAI's, and Hugging Face's. */
export const vocabularyNames = ['bpe_simple_vocab_16e6.txt.gz', 'bpe_simple_vocab_16e6.txt', 'merges.txt'];

/**
 * The CLIP's word list, or OpenAI's byte pairs from a file.
 * @param given the file; undefined: one of `vocabularyNames` in `folder`, else the one that ships with this package
 */
export async function openTokenizer(
  clip: Clip,
  given: string | undefined,
  folder: string,
): Promise<Tokenizer> {
  if (clip.metadata.has('tokenizer')) {
    if (given !== undefined) await readVocabulary(given); // of no use, but a wrong path is to be said
    return clip.tokenizer;
  }
  if (isBlip(clip.config)) return openWordPiece(clip, given, folder);
  if (clip.config.vocabSize !== openaiVocabulary.vocabSize) return clip.tokenizer;
  const beside = vocabularyNames.map((name) => path.join(folder, name)).find(existsSync);
  const file = given ?? beside ?? packageFile('weights/clip-merges.txt.gz');
  return vocabularyTokenizer(clip, { bytes: await readVocabulary(file), name: file });
}

async function openWordPiece(clip: Clip, given: string | undefined, folder: string): Promise<Tokenizer> {
  const file = given ?? path.join(folder, wordPieceName);
  if (!existsSync(file))
    throw new UsageError(
      `--vocabulary: expected BERT's ${wordPieceName} (of bert-base-uncased), found ${given === undefined ? `none in ${folder}` : `no ${file}`}`,
    );
  return vocabularyTokenizer(clip, { bytes: await readVocabulary(file), name: file });
}
