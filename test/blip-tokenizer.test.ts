import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { pythonWith } from '../scripts/python.ts';
import { WeightsError } from '../src/formats/errors.ts';
import { createWordPiece } from '../src/model/blip/wordpiece.ts';
import { numbers } from '../testing/op-check.ts';

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const wordPieces = [
  'photo',
  'of',
  'a',
  'damaged',
  'dam',
  '##aged',
  '##age',
  'screw',
  '##s',
  'un',
  '##affable',
  '.',
];

test('greedy longest match from the left, marks apart, what is not there unknown', () => {
  const vocabulary = [...special, ...wordPieces, 'ä'];
  const { encode, sot, eot } = createWordPiece(`${vocabulary.join('\n')}\n`, 'vocab.txt');
  const named = (text: string) => encode(text).map((id) => vocabulary[id]);
  expect([sot, eot]).toEqual([2, 3]);
  expect(named('A  Photo of damaged screws.')).toEqual(['a', 'photo', 'of', 'damaged', 'screw', '##s', '.']);
  expect(named('unaffable')).toEqual(['un', '##affable']);
  expect(named('damages')).toEqual(['dam', '##age', '##s']);
  expect(named('damage!')).toEqual(['dam', '##age', '[UNK]']);
  expect(named('Ä')).toEqual(['a']); // the accent is stripped before the vocabulary is asked
  expect(named('')).toEqual([]);
  expect(named(`${'a'.repeat(101)} a`)).toEqual(['[UNK]', 'a']);
});

test('what is no vocabulary of BERT is refused', () => {
  expect(() => createWordPiece('a\nb', 'v.txt')).toThrow(WeightsError);
  expect(() => createWordPiece([...special, 'a', 'a'].join('\n'), 'v.txt')).toThrow(/"a" twice/);
  expect(() => createWordPiece([...special, 'a'].join('\n'), 'v.txt', 5)).toThrow(/at most 5 pieces/);
  expect(createWordPiece([...special, 'a'].join('\n'), 'v.txt', 8).vocabSize).toBe(8);
});

/** Characters whose properties are the same in the versions of Unicode that Python and Node may have. */
const blocks: readonly (readonly [number, number])[] = [
  [0x09, 0x0d],
  [0x20, 0x7e],
  [0x61, 0x7a],
  [0xa0, 0x17f],
  [0x250, 0x36f],
  [0x391, 0x3a1],
  [0x400, 0x481],
  [0x620, 0x66f],
  [0x905, 0x939],
  [0x1e00, 0x1eff],
  [0x2010, 0x2060],
  [0x3041, 0x3096],
  [0x4e00, 0x9fa5],
  [0xac00, 0xac80],
  [0xff01, 0xff5e],
  [0x10330, 0x1034a],
  [0x1d400, 0x1d454],
  [0x1f300, 0x1f5ff],
];

const python = pythonWith('unicodedata');
if (!python) console.warn("skipped: the tokenizer against Python's (set FAPROMPT_PYTHON to a python)");
test.skipIf(!python)('10 000 random texts as a tokenizer of its own, in Python, splits them', () => {
  const { random } = numbers(17);
  const int = (n: number) => Math.floor(n * random());
  const character = () => {
    const [first, last] = blocks[random() < 0.5 ? 2 : int(blocks.length)]!;
    return String.fromCodePoint(first + int(last - first + 1));
  };
  const word = () => Array.from({ length: 1 + int(6) }, character).join('');
  const pieces = new Set<string>([...special, ...wordPieces]);
  // Single characters as the normalisation leaves them, inside a word or not, and pairs of letters.
  const fold = (c: string) =>
    c
      .toLowerCase()
      .normalize('NFD')
      .replace(/\p{Mn}/gu, '');
  for (let i = 0; i < 6000; i++) {
    const c = fold(character());
    if (/^\S+$/u.test(c)) pieces.add(random() < 0.5 ? c : `##${c}`);
    const pair = fold(String.fromCodePoint(0x61 + int(26), 0x61 + int(26)));
    pieces.add(random() < 0.5 ? pair : `##${pair}`);
  }
  const texts = Array.from({ length: 10_000 }, () =>
    Array.from({ length: int(8) }, () =>
      random() < 0.2 ? wordPieces[int(wordPieces.length)]! : word(),
    ).join(random() < 0.3 ? '' : ' '),
  );
  const vocabulary = [...pieces];
  const script = path.join(import.meta.dirname, 'bert_tokenizer.py');
  const input = JSON.stringify({ vocab: vocabulary, texts });
  const expected = JSON.parse(
    execFileSync(python!, [script], { input, encoding: 'utf8', maxBuffer: 2 ** 28 }),
  ) as number[][];
  const { encode } = createWordPiece(vocabulary.join('\n'), 'vocab.txt');
  const wrong = texts.flatMap((text, i) => {
    const found = encode(text);
    return found.join() === expected[i]!.join() ? [] : [{ text, found, expected: expected[i] }];
  });
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(expected.flat().filter((id) => id !== 1).length).toBeGreaterThan(10_000); // not all unknown
});
