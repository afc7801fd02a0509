import { contentBytes, describeContent } from '../../../base/content.ts';
import { WeightsError } from '../../../formats/errors.ts';
import { unescapeHtml } from './html.ts';
import { openaiVocabulary, type Tokenizer } from './tokenizer.ts';

/** Merges that CLIP uses of the 262144 in bpe_simple_vocab_16e6.txt: what 256 bytes, twice, and two marks leave. */
const mergeCount = openaiVocabulary.vocabSize - 2 * 256 - 2;
const startOfText = '<|startoftext|>';
const endOfText = '<|endoftext|>';
/** Marks a symbol that ends a word. */
const wordEnd = '</w>';

/**
 * OpenAI's pattern (`simple_tokenizer.py`), for text that is already lower-case and has only plain spaces. It is
 * case-insensitive there, which of other letters lets in the long s only; and U+0345, a mark that folds to a
 * letter, matches none of its classes and vanishes.
 */
const wordPattern =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: U+0345 stands alone on purpose
  /<\|[sſ]tartoftext\|>|<\|endoftext\|>|'[sſ]|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^ \p{L}\p{N}\u0345]+/gu;

/** White space as Python's `str` knows it; JavaScript's `\s` differs in U+001C..1F, U+0085 and U+FEFF. */
const space =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts the information separators
  /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/gu;

/**
 * CLIP's byte-pair tokenizer: the same ids as OpenAI's `SimpleTokenizer`, except that text is not first repaired
 * by ftfy (broken encodings, curly quotes, full-width letters stay as they are).
 * @param vocabulary text of bpe_simple_vocab_16e6.txt
 * @param file its name, for messages
 * @throws WeightsError if that text is not such a vocabulary
 */
export function createTokenizer(vocabulary: string, file = 'bpe_simple_vocab_16e6.txt'): Tokenizer {
  const merges = parseMerges(vocabulary, file);
  const symbols = bytes.map(([, character]) => character);
  const vocab = [
    ...symbols,
    ...symbols.map((s) => s + wordEnd),
    ...merges.map((pair) => pair.replace(' ', '')),
  ];
  const ids = new Map([...vocab, startOfText, endOfText].map((token, id) => [token, id]));
  const ranks = new Map(merges.map((pair, rank) => [pair, rank]));
  const byteSymbols = new Map(bytes);
  const cache = new Map<string, readonly number[]>([
    [startOfText, [openaiVocabulary.sot]],
    [endOfText, [openaiVocabulary.eot]],
  ]);

  const encodeWord = (word: string): readonly number[] => {
    let tokens = cache.get(word);
    if (!tokens) {
      const characters = Array.from(new TextEncoder().encode(word), (byte) => byteSymbols.get(byte)!);
      characters[characters.length - 1] += wordEnd;
      tokens = mergePairs(characters, ranks).map((token) => ids.get(token)!);
      if (cache.size < 10_000) cache.set(word, tokens);
    }
    return tokens;
  };

  return {
    ...openaiVocabulary,
    encode: (text) => {
      const clean = unescapeHtml(unescapeHtml(text)).replace(space, ' ').toLowerCase();
      return (clean.match(wordPattern) ?? []).flatMap(encodeWord);
    },
  };
}

/** Text of a vocabulary file, which may be gzipped as OpenAI ships it; works in browsers and in Node. */
export async function decodeVocabulary(data: Uint8Array<ArrayBuffer>): Promise<string> {
  const gzipped = data[0] === 0x1f && data[1] === 0x8b;
  const stream = new Blob([data]).stream();
  const reader = (gzipped ? stream.pipeThrough(new DecompressionStream('gzip')) : stream).getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length <= maxVocabulary) continue;
    // It may unpack to a thousand times what it is.
    await reader.cancel();
    throw new WeightsError({
      file: 'vocabulary',
      expected: `at most ${maxVocabulary} characters`,
      found: 'more',
    });
  }
}

/** OpenAI's has 3.2 million. */
const maxVocabulary = 16_000_000;

function parseMerges(vocabulary: string, file: string): string[] {
  // The first line is a version; the last ones are not used.
  const merges = vocabulary.split(/\r?\n/, mergeCount + 1).slice(1);
  if (merges.length < mergeCount) {
    const content = describeContent(new TextEncoder().encode(vocabulary.slice(0, contentBytes)));
    throw new WeightsError({
      file,
      expected: `${mergeCount} merges`,
      found: `${merges.length} in ${content}`,
    });
  }
  const wrong = merges.findIndex((line) => !/^\S+ \S+$/.test(line));
  if (wrong >= 0)
    throw new WeightsError({
      file,
      expected: `two symbols in line ${wrong + 2}`,
      found: JSON.stringify(merges[wrong]),
    });
  return merges;
}

/** Joins the pair of neighbours that was learnt first, wherever it occurs, until no learnt pair is left. */
function mergePairs(symbols: string[], ranks: ReadonlyMap<string, number>): string[] {
  for (let word = symbols; ; ) {
    let best = Number.POSITIVE_INFINITY;
    let [left, right] = ['', ''];
    for (let i = 1; i < word.length; i++) {
      const rank = ranks.get(`${word[i - 1]} ${word[i]}`) ?? best;
      if (rank < best) [best, left, right] = [rank, word[i - 1]!, word[i]!];
    }
    if (best === Number.POSITIVE_INFINITY) return word;
    const merged: string[] = [];
    for (let i = 0; i < word.length; i++) {
      const found = word[i] === left && word[i + 1] === right;
      merged.push(found ? left + right : word[i]!);
      if (found) i++;
    }
    word = merged;
  }
}

/**
 * GPT-2's mapping of the 256 bytes to printable characters, in its order: the printable ones of Latin-1 stand for
 * themselves, the others for the characters from U+0100 on.
 */
const bytes: [number, string][] = (() => {
  const range = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const printable = [...range(0x21, 0x7e), ...range(0xa1, 0xac), ...range(0xae, 0xff)];
  const others = range(0, 0xff).filter((byte) => !printable.includes(byte));
  return [
    ...printable.map((byte): [number, string] => [byte, String.fromCharCode(byte)]),
    ...others.map((byte, i): [number, string] => [byte, String.fromCharCode(0x100 + i)]),
  ];
})();
