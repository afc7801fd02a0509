// BERT's WordPiece, as BLIP's text encoder was trained with it (bert-base-uncased): lower case, accents stripped,
// punctuation split off, then the longest piece of the vocabulary from the left, `##` before those inside a word.
import { WeightsError } from '../../formats/errors.ts';
import type { Tokenizer } from '../clip/tokenizer/tokenizer.ts';

/** Longer words are [UNK], as in BERT. */
const longestWord = 100;

/** Characters that stand for nothing: NUL, the replacement character, controls but for white space. */
const dropped = /[\0\ufffd]|(?![\t\n\r])\p{C}/gu;
/** Chinese characters, as BERT counts them: each is a word. */
const chinese =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
/** A punctuation mark (all of ASCII's that are no letters and digits), or a run of anything else but white space. */
const wordPattern = /[!-/:-@[-`{-~\p{P}]|[^\s!-/:-@[-`{-~\p{P}]+/gu;

const splitWords = (text: string): string[] =>
  text
    .replace(dropped, '')
    .replace(chinese, ' $& ')
    .split(/\s+/u)
    .flatMap(
      (token) =>
        token
          .toLowerCase()
          .normalize('NFD')
          .replace(/\p{Mn}/gu, '')
          .match(wordPattern) ?? [],
    );

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'] as const;

/**
 * A tokenizer from the text of BERT's vocab.txt: one piece a line, ids from 0. `sot` is [CLS], `eot` [SEP]; BLIP's own
 * [DEC] and [ENC], for which the word embeddings have two rows more, stand for no text.
 * @param rows of the word embeddings
 * @throws WeightsError for a vocabulary without BERT's special tokens, with a piece twice, or of another size
 */
export function createWordPiece(vocabulary: string, file: string, rows?: number): Tokenizer {
  const pieces = vocabulary.replace(/\r?\n$/, '').split(/\r?\n/);
  const vocab: Record<string, number> = Object.create(null);
  for (const [id, piece] of pieces.entries()) {
    if (piece in vocab)
      throw new WeightsError({ file, expected: 'every piece once', found: `${JSON.stringify(piece)} twice` });
    vocab[piece] = id;
  }
  const missing = special.find((token) => vocab[token] === undefined);
  if (missing !== undefined)
    throw new WeightsError({
      file,
      expected: `BERT's vocab.txt, with ${special.join(' ')}`,
      found: `no ${missing}`,
    });
  if (rows !== undefined && pieces.length > rows)
    throw new WeightsError({
      file,
      expected: `at most ${rows} pieces, the rows of the word embeddings`,
      found: `${pieces.length}`,
    });
  const unknown = vocab['[UNK]']!;
  const piecesOf = (word: string): number[] => {
    const characters = Array.from(word);
    if (characters.length > longestWord) return [unknown];
    const found: number[] = [];
    for (let start = 0; start < characters.length; ) {
      let end = characters.length;
      const id = () => vocab[(start > 0 ? '##' : '') + characters.slice(start, end).join('')];
      while (end > start && id() === undefined) end--;
      if (end === start) return [unknown];
      found.push(id()!);
      start = end;
    }
    return found;
  };
  return {
    sot: vocab['[CLS]']!,
    eot: vocab['[SEP]']!,
    vocabSize: rows ?? pieces.length,
    encode: (text) => splitWords(text).flatMap(piecesOf),
  };
}
