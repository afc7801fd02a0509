import { TokenizerError, WeightsError } from '../../../formats/errors.ts';
import type { TensorFile } from '../../../formats/tensor-file.ts';
import { isBlipFile } from '../../blip/config.ts';

/** Text -> token ids, as a CLIP text encoder expects them. */
export interface Tokenizer {
  /** Start of text. */
  readonly sot: number;
  /** End of text: the largest id, since CLIP finds it by argmax. */
  readonly eot: number;
  readonly vocabSize: number;
  /**
   * Ids without start and end of text.
   * @throws TokenizerError for a text that the vocabulary cannot express
   */
  encode(text: string): number[];
}

/**
 * One row of the text encoder's input, as OpenAI's `clip.tokenize`: start, text, end, zeros up to `contextLength`.
 * A text that is too long is an error unless `truncate` is set: then it is cut, and the last token is the end.
 * @throws TokenizerError
 */
export function tokenize(
  tokenizer: Tokenizer,
  text: string,
  contextLength: number,
  { truncate = false }: { truncate?: boolean } = {},
): Int32Array<ArrayBuffer> {
  const ids = [tokenizer.sot, ...tokenizer.encode(text), tokenizer.eot];
  if (ids.length > contextLength) {
    if (!truncate)
      throw new TokenizerError({
        text,
        expected: `at most ${contextLength} tokens, start and end included`,
        found: `${ids.length}`,
      });
    ids.length = contextLength;
    ids[contextLength - 1] = tokenizer.eot;
  }
  const row = new Int32Array(contextLength);
  row.set(ids);
  return row;
}

/** A run of letters, or any other single character that is not white space. */
const wordPattern = /[\p{L}\p{M}]+|[^\s\p{L}\p{M}]/gu;

/**
 * A tokenizer over whole words, lower-cased: a word's id is its index; start and end of text follow.
 * Digits and punctuation marks are words of one character.
 * @throws RangeError if a word is repeated, or is not one lower-case word
 */
export function createWordTokenizer(words: readonly string[]): Tokenizer {
  const ids = new Map<string, number>();
  for (const [id, word] of words.entries()) {
    if (splitWords(word)[0] !== word) throw new RangeError(`"${word}" is not one lower-case word`);
    if (ids.has(word)) throw new RangeError(`the word "${word}" is repeated`);
    ids.set(word, id);
  }
  return wordTokenizer(ids, words.length, words.length + 1);
}

const splitWords = (text: string): string[] => text.toLowerCase().match(wordPattern) ?? [];

function wordTokenizer(ids: ReadonlyMap<string, number>, sot: number, eot: number): Tokenizer {
  return {
    sot,
    eot,
    vocabSize: eot + 1,
    encode: (text) =>
      splitWords(text).map((word) => {
        const id = ids.get(word);
        if (id !== undefined) return id;
        const expected = `a word of the vocabulary (${ids.size} words)`;
        throw new TokenizerError({ text, expected, found: `"${word}"` });
      }),
  };
}

/** Sizes and special ids of OpenAI's byte-pair vocabulary. */
export const openaiVocabulary = { vocabSize: 49408, sot: 49406, eot: 49407 } as const;

/** Ids in OpenAI's vocabulary of the words in FAPrompt's templates: each is a single token there. */
export const fixedTemplateIds: ReadonlyMap<string, number> = new Map([
  ['object', 14115],
  ['damaged', 13568],
  ['.', 269],
]);

/** OpenAI's vocabulary as far as FAPrompt's templates need it: other words are an error. */
export const templateTokenizer = (): Tokenizer =>
  wordTokenizer(fixedTemplateIds, openaiVocabulary.sot, openaiVocabulary.eot);

/** Metadata of a weights file that carries its own word list; read by `tokenizerFromMetadata`. */
export const wordListMetadata = (words: readonly string[]): Record<string, string> => ({
  tokenizer: 'words',
  words: words.join(' '),
});

/** The word list that a weights file carries; undefined if it carries none. @throws WeightsError for another kind */
export function wordsFromMetadata(metadata: ReadonlyMap<string, string>, file: string): string[] | undefined {
  const kind = metadata.get('tokenizer');
  if (kind === undefined) return undefined;
  if (kind !== 'words')
    throw new WeightsError({ file, expected: '__metadata__.tokenizer "words"', found: `"${kind}"` });
  return (metadata.get('words') ?? '').split(' ');
}

/**
 * The word tokenizer that a weights file carries in its metadata; undefined if it carries none.
 * @throws WeightsError if the metadata is malformed, or is of an unknown kind
 */
export function tokenizerFromMetadata(
  metadata: ReadonlyMap<string, string>,
  file: string,
): Tokenizer | undefined {
  const words = wordsFromMetadata(metadata, file);
  if (!words) return undefined;
  try {
    return createWordTokenizer(words);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    const expected = 'distinct words, separated by spaces, in __metadata__.words';
    throw new WeightsError({ file, expected, found }, { cause });
  }
}

/** Of a BLIP, whose vocabulary is a file of its own (BERT's vocab.txt): it can say nothing. */
const withoutVocabulary = (vocabSize: number): Tokenizer => ({
  sot: -1,
  eot: -1,
  vocabSize,
  encode(text) {
    throw new TokenizerError({
      text,
      expected: "BERT's vocab.txt, for a BLIP's texts",
      found: 'no vocabulary',
    });
  },
});

/**
 * The tokenizer for FAPrompt's templates that fits a weights file: its own word list, or OpenAI's vocabulary.
 * @param vocabSize rows of the token embedding
 * @throws WeightsError if the file carries no word list and the vocabulary is not OpenAI's, or the sizes differ
 */
export function tokenizerForWeights({ source, tensors, metadata }: TensorFile, vocabSize: number): Tokenizer {
  const file = source.name;
  const own = tokenizerFromMetadata(metadata, file);
  if (!own && isBlipFile(tensors)) return withoutVocabulary(vocabSize);
  const tokenizer = own ?? templateTokenizer();
  if (tokenizer.vocabSize === vocabSize) return tokenizer;
  throw new WeightsError({
    file,
    tensor: 'token_embedding.weight',
    expected: `${tokenizer.vocabSize} rows (${own ? "the file's word list" : "OpenAI's vocabulary, as the file has no word list"})`,
    found: `${vocabSize} rows`,
  });
}
