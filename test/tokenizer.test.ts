import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { TokenizerError, WeightsError } from '../src/formats/errors.ts';
import { readSafetensors, writeSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { createTokenizer, decodeVocabulary } from '../src/model/clip/tokenizer/bpe.ts';
import { unescapeHtml } from '../src/model/clip/tokenizer/html.ts';
import { decodeReference as inBrowser } from '../src/model/clip/tokenizer/references.browser.ts';
import { decodeReference } from '../src/model/clip/tokenizer/references.ts';
import {
  createWordTokenizer,
  fixedTemplateIds,
  openaiVocabulary,
  type Tokenizer,
  templateTokenizer,
  tokenize,
  tokenizerForWeights,
  tokenizerFromMetadata,
  wordListMetadata,
} from '../src/model/clip/tokenizer/tokenizer.ts';
import { smallClipWords } from '../src/model/clip/tokenizer/words.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';

const vocabularyFile = 'golden/clip/bpe_simple_vocab_16e6.txt.gz';

describe.skipIf(!hasShared(vocabularyFile))("with OpenAI's vocabulary", () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    const file = new Uint8Array(readFileSync(sharedPath(vocabularyFile)));
    tokenizer = createTokenizer(await decodeVocabulary(file), vocabularyFile);
  });

  test('every golden text has its ids', () => {
    const golden: {
      cases: { text: string; ids: number[] }[];
      start: number;
      end: number;
      vocab_size: number;
    } = JSON.parse(readFileSync(sharedPath('golden/tokenizer.json'), 'utf8'));
    expect(golden.cases.length).toBeGreaterThan(10);
    for (const { text, ids } of golden.cases) expect(tokenizer.encode(text), text).toEqual(ids);
    expect(tokenizer).toMatchObject({ sot: golden.start, eot: golden.end, vocabSize: golden.vocab_size });
  });

  test.each<[string, number[]]>([
    // Ids from OpenAI's algorithm in Python (regex, html.unescape), without ftfy.
    ["'\u017f we'LL", [6, 129, 379, 649, 1342]],
    ['<|\u017ftartoftext|> <|STARTOFTEXT|>', [27, 91, 129, 123, 2002, 6659, 18169, 91, 285, 49406]],
    ['@<|endoftext|>', [31, 27, 347, 40786, 4160, 91, 285]],
    ['a\u0345b \u0345', [320, 321]],
    ['a\u001cb\u0085c\ufeffd\u3000e', [320, 321, 322, 171, 119, 379, 323, 324]],
    [
      '\u0130stanbul \u03a3\u0391\u03a3 STRASSE',
      [328, 16384, 11231, 139, 225, 138, 109, 139, 480, 1894, 8938],
    ],
    ['\u00bd \u2163 \u0663 12', [33613, 158, 227, 367, 149, 352, 272, 273]],
    [
      'e\u0301 \ufb01 \uff46\uff55\uff4c\uff4c',
      [324, 136, 479, 171, 105, 479, 171, 121, 228, 171, 121, 243, 171, 121, 234, 171, 121, 490],
    ],
    ['&amp;lt;b&amp;gt; &eacute;&#128;', [283, 321, 285, 4166, 6309]],
    [
      '\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67 \ud800\udf48',
      [25023, 26304, 964, 356, 172, 238, 235, 486],
    ],
    ['K \u212a', [330, 330]],
    ["don't 'tis 'S'T", [847, 713, 713, 533, 568, 713]],
  ])('awkward text %j', (text, ids) => {
    expect(tokenizer.encode(text)).toEqual(ids);
  });

  test("the templates' words are single tokens with the fixed ids", () => {
    for (const [word, id] of fixedTemplateIds) expect(tokenizer.encode(word), word).toEqual([id]);
    const text = 'damaged object.';
    expect(templateTokenizer().encode(text)).toEqual(tokenizer.encode(text));
    expect(templateTokenizer()).toMatchObject(openaiVocabulary);
  });

  test('rows are padded with zeros; a text that is too long is an error, or cut before the end token', () => {
    expect([...tokenize(tokenizer, 'a photo of a cat', 9)]).toEqual([
      49406, 320, 1125, 539, 320, 2368, 49407, 0, 0,
    ]);
    expect(() => tokenize(tokenizer, 'a photo of a cat', 6)).toThrow(TokenizerError);
    expect(() => tokenize(tokenizer, 'a photo of a cat', 6)).toThrow(/at most 6 tokens.*found 7/);
    expect([...tokenize(tokenizer, 'a photo of a cat', 6, { truncate: true })]).toEqual([
      49406, 320, 1125, 539, 320, 49407,
    ]);
    expect(tokenize(tokenizer, '', 77).slice(0, 3)).toEqual(new Int32Array([49406, 49407, 0]));
  });

  test('a vocabulary that is cut or garbled is a WeightsError', async () => {
    const text = await decodeVocabulary(new Uint8Array(readFileSync(sharedPath(vocabularyFile))));
    expect(() => createTokenizer(text.slice(0, 1000), 'cut')).toThrow(
      /cut: expected 48894 merges, found \d+/,
    );
    expect(() => createTokenizer(text.replace('\nt h\n', '\nth\n'))).toThrow(
      /two symbols in line 3, found "th"/,
    );
  });
});

test('a vocabulary is decoded with and without gzip', async () => {
  const text = '#version: 0.2\ni n\nĠ ð\n';
  const plain = new TextEncoder().encode(text);
  expect(await decodeVocabulary(plain)).toBe(text);
  expect(await decodeVocabulary(new Uint8Array(gzipSync(plain)))).toBe(text);
});

test.each([
  ['a&amp;b &lt;tag&gt; &quot;', 'a&b <tag> "'],
  ['&amp;amp;', '&amp;'],
  ['&notit; &notin; &copyx &nosuch;', '¬it; ∉ ©x &nosuch;'],
  ['&#65;&#x42&#67 &#128; &#0; &#xD800; &#1114112;', 'ABC € \ufffd \ufffd \ufffd'],
  ['[&#1;&#x7f;&#xFDD0;&#xFFFE;]', '[]'],
  ['& &; &#; &#x;', '& &; &#; &#x;'],
])('character references of HTML, as in Python: %j', (text, expected) => {
  expect(unescapeHtml(text)).toBe(expected);
});

describe('word lists', () => {
  const words = ['.', 'damaged', 'object', 'a', '2', 'größe'];
  const tokenizer = createWordTokenizer(words);

  test('ids are indices; the end of text is the largest', () => {
    expect(tokenizer.encode('A damaged Object.')).toEqual([3, 1, 2, 0]);
    expect(tokenizer.encode('22 GRÖSSE'.replace('SS', 'ß'))).toEqual([4, 4, 5]);
    expect(tokenizer).toMatchObject({ sot: 6, eot: 7, vocabSize: 8 });
    expect([...tokenize(tokenizer, 'object', 5)]).toEqual([6, 2, 7, 0, 0]);
  });

  test('an unknown word is named', () => {
    expect(() => tokenizer.encode('a damaged zebra')).toThrow(TokenizerError);
    expect(() => tokenizer.encode('a damaged zebra')).toThrow(/"a damaged zebra".*6 words.*found "zebra"/);
    expect(() => templateTokenizer().encode('a cat')).toThrow(TokenizerError);
  });

  test('a list with repeated, empty or compound words is refused', () => {
    for (const bad of [['a', 'a'], [''], ['two words'], ['Upper'], ['a.b']])
      expect(() => createWordTokenizer(bad), bad.join()).toThrow(RangeError);
  });

  test("the small CLIP's list serves the templates and plain captions", () => {
    const small = createWordTokenizer(smallClipWords);
    expect(small.encode('A photo of a scratched metal nut, damaged object.')).toHaveLength(11);
    for (const word of fixedTemplateIds.keys()) expect(small.encode(word)).toHaveLength(1);
    expect(smallClipWords.length).toBeGreaterThan(300);
  });

  test('a weights file carries its list in its metadata', async () => {
    const load = (metadata: Record<string, string>) =>
      readSafetensors(bytesSource('x.safetensors', writeSafetensors(new Map(), metadata)));
    const own = tokenizerForWeights(await load(wordListMetadata(words)), 8);
    expect(own.encode('a damaged object.')).toEqual(tokenizer.encode('a damaged object.'));
    const without = await load({});
    expect(tokenizerFromMetadata(without.metadata, 'x')).toBeUndefined();
    expect(tokenizerForWeights(without, 49408).encode('object')).toEqual([14115]);
    expect(() => tokenizerForWeights(without, 16)).toThrow(/49408 rows .*no word list.*found 16 rows/);
    const malformed: Record<string, string>[] = [
      { tokenizer: 'other' },
      { tokenizer: 'words' },
      { tokenizer: 'words', words: 'a a' },
    ];
    for (const bad of malformed) {
      const file = await load(bad);
      expect(() => tokenizerForWeights(file, 3), JSON.stringify(bad)).toThrow(WeightsError);
    }
    const mismatch = await load(wordListMetadata(words));
    expect(() => tokenizerForWeights(mismatch, 9)).toThrow(/expected 8 rows .*word list.*found 9 rows/);
  });
});

describe("character references in a browser: HTML's oldest, the others refused", () => {
  const names = readFileSync('src/model/clip/tokenizer/references.browser.ts', 'utf8').match(
    /\b[A-Za-z]+\d{0,2}\b/g,
  )!;

  test('as in the whole table, with a semicolon, without, and with more behind', () => {
    let compared = 0;
    for (const name of new Set(names))
      for (const reference of [`&${name};`, `&${name}`, `&${name}x`, `&${name}.`]) {
        let found: string;
        try {
          found = inBrowser(reference);
        } catch (error) {
          expect(error).toBeInstanceOf(TokenizerError);
          continue;
        }
        if (found !== reference) compared++;
        expect(found, reference).toBe(decodeReference(reference));
      }
    expect(compared).toBeGreaterThan(350);
  });

  test('what it does not know is not read as something else', () => {
    expect(() => inBrowser('&hellip;')).toThrow(TokenizerError);
    expect(inBrowser('&T')).toBe('&T');
    expect(inBrowser('&')).toBe('&');
  });
});
