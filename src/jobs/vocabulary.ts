// The tokenizer for any text: a weights file alone may only know the words of FAPrompt's templates.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { readRegular, readText } from '../base/open.node.ts';
import { packageFile } from '../base/package.node.ts';
import { isBlip } from '../model/blip/config.ts';
import { createTokenizer, decodeVocabulary } from '../model/clip/tokenizer/bpe.ts';
import { openaiVocabulary, type Tokenizer } from '../model/clip/tokenizer/tokenizer.ts';
import type { Clip } from '../model/clip/weights.ts';
import { UsageError } from './io.ts';

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
  if (clip.metadata.has('tokenizer')) return clip.tokenizer;
  if (isBlip(clip.config)) return openWordPiece(clip.config.vocabSize, given, folder);
  if (clip.config.vocabSize !== openaiVocabulary.vocabSize) return clip.tokenizer;
  const beside = vocabularyNames.map((name) => path.join(folder, name)).find(existsSync);
  const file = given ?? beside ?? packageFile('weights/clip-merges.txt.gz');
  return createTokenizer(await decodeVocabulary(await readRegular(file, 16 * 2 ** 20)), file);
}

async function openWordPiece(rows: number, given: string | undefined, folder: string): Promise<Tokenizer> {
  const file = given ?? path.join(folder, wordPieceName);
  if (!existsSync(file))
    throw new UsageError(
      `--vocabulary: expected BERT's ${wordPieceName} (of bert-base-uncased), found ${given === undefined ? `none in ${folder}` : `no ${file}`}`,
    );
  // Loaded only here: nothing but a BLIP needs it.
  const { createWordPiece } = await import('../model/blip/wordpiece.ts');
  return createWordPiece(await readText(file, 16 * 2 ** 20), file, rows);
}
