// BERT's WordPiece, as BLIP's text encoder was trained with it (bert-base-uncased): lower case, accents stripped,
// punctuation split off, then the longest piece of the vocabulary from the left, `##` before those inside a word.
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { WeightsError } from '../../formats/errors.ts';
import type { Tokenizer } from '../clip/tokenizer/tokenizer.ts';

/** Longer words are [UNK], as in BERT. */
const longestWord = 100;

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
  const tokenizer = new HuggingFaceTokenizer(
    {
      added_tokens: [],
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase: true,
      },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      model: {
        type: 'WordPiece',
        unk_token: '[UNK]',
        continuing_subword_prefix: '##',
        max_input_chars_per_word: longestWord,
        vocab,
      },
      post_processor: null,
      decoder: null,
    },
    {},
  );
  return {
    sot: vocab['[CLS]']!,
    eot: vocab['[SEP]']!,
    vocabSize: rows ?? pieces.length,
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
  };
}
