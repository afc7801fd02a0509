import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { pythonWith } from '../scripts/python.ts';
import { createTokenizer, decodeVocabulary } from '../src/model/clip/tokenizer/bpe.ts';
import { numbers } from '../testing/op-check.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';

const vocabularyFile = 'golden/clip/bpe_simple_vocab_16e6.txt.gz';
const count = 10_000;

/** A python3 with OpenAI's own regular expression engine (the module regex). */
const python = pythonWith('regex');
if (!python)
  console.warn("skipped: the tokenizer against Python's (install python3-regex, or set FAPROMPT_PYTHON)");

/** Blocks that are the same in the versions of Unicode that Python and Node may have. */
const blocks: readonly (readonly [number, number])[] = [
  [0x09, 0x0d],
  [0x20, 0x7e],
  [0xa0, 0x17f],
  [0x250, 0x36f],
  [0x391, 0x3a1],
  [0x400, 0x481],
  [0x5d0, 0x5ea],
  [0x620, 0x66f],
  [0x905, 0x939],
  [0xe01, 0xe3a],
  [0x1e00, 0x1eff],
  [0x2000, 0x2060],
  [0x2150, 0x2189],
  [0x3041, 0x3096],
  [0x4e00, 0x9fa5],
  [0xac00, 0xd7a3],
  [0xff01, 0xff5e],
  [0x10330, 0x1034a],
  [0x1d400, 0x1d454],
  [0x1f300, 0x1f5ff],
];
const pieces = [
  "'s",
  "'LL",
  '&amp;',
  '&eacute;',
  '&#128;',
  '&lt',
  '<|endoftext|>',
  ' a photo of a ',
  'ſ',
  'K',
];

/** Characters of every kind, words, numbers, HTML references, contractions. */
function texts(): string[] {
  const { random } = numbers(41);
  const int = (n: number) => Math.floor(n * random());
  const piece = () => {
    if (random() < 0.15) return pieces[int(pieces.length)]!;
    const [first, last] = blocks[random() < 0.4 ? 1 : int(blocks.length)]!;
    return String.fromCodePoint(first + int(last - first + 1));
  };
  return Array.from({ length: count }, () => Array.from({ length: 1 + int(24) }, piece).join(''));
}

test.skipIf(!python || !hasShared(vocabularyFile))(
  `${count} random Unicode strings have the ids of OpenAI's algorithm in Python`,
  async () => {
    const file = sharedPath(vocabularyFile);
    const vocabulary = await decodeVocabulary(new Uint8Array(readFileSync(file)));
    const tokenizer = createTokenizer(vocabulary);
    const given = texts();
    const script = path.resolve(import.meta.dirname, 'simple_tokenizer.py');
    const wanted: number[][] = JSON.parse(
      execFileSync(python!, [script, file], { input: JSON.stringify(given), maxBuffer: 2 ** 28 }).toString(),
    );
    expect(wanted).toHaveLength(count);
    const wrong = given.filter((text, i) => tokenizer.encode(text).join() !== wanted[i]!.join());
    expect(wrong).toEqual([]);
  },
);
