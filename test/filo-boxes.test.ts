import { describe, expect, test } from 'vitest';
import { WeightsError } from '../src/formats/errors.ts';
import { createWordTokenizer } from '../src/model/clip/tokenizer/tokenizer.ts';
import { type Box, boxesOf, insideBoxes, readBoxes, useBoxes } from '../src/model/methods/filo/boxes.ts';
import {
  classTexts,
  describedAs,
  parseDescriptions,
  spokenClass,
} from '../src/model/methods/filo/descriptions.ts';
import { tinyConfig } from './train-fixtures.ts';

const plain = {
  image: 'bottle/test/broken/000.png',
  size: [900, 600],
  boxes: [{ cxcywh: [0.5, 0.4, 0.2, 0.1], score: 0.43, phrase: 'cracked large' }],
};
const corners = [0.4, 0.35, 0.6, 0.45];
const close = (box: Box | undefined) => {
  expect(box).toBeDefined();
  box!.corners.forEach((n, i) => {
    expect(n).toBeCloseTo(corners[i]!, 6);
  });
};

describe('boxes from a file', () => {
  test('plain JSON: a list, one object, a line each; shares or pixels, corners or centre', () => {
    const pixels = { ...plain, pixels: true, boxes: [{ xyxy: [360, 210, 540, 270], score: 0.43 }] };
    const other = { ...plain, image: 'other.png', boxes: [] };
    for (const text of [
      JSON.stringify([plain]),
      JSON.stringify(plain),
      `${JSON.stringify(plain)}\n${JSON.stringify(other)}\n`,
      JSON.stringify([pixels]),
    ])
      close(boxesOf(readBoxes(text, 'boxes.json'), '/data/mvtec/bottle/test/broken/000.png')![0]);
    const file = readBoxes(JSON.stringify([plain, other]), 'boxes.json');
    expect(boxesOf(file, 'a\\other.png')).toEqual([]);
    expect(boxesOf(file, 'bottle/test/broken/001.png')).toBeUndefined();
    expect(boxesOf(file, '000.png')).toBeUndefined();
  });

  test('COCO: boxes in pixels, names of categories, images without a box', () => {
    const coco = {
      images: [
        { id: 7, file_name: 'broken/000.png', width: 900, height: 600 },
        { id: 8, file_name: 'good/000.png', width: 900, height: 600 },
      ],
      annotations: [{ image_id: 7, bbox: [360, 210, 180, 60], score: 0.5, category_id: 3 }],
      categories: [{ id: 3, name: 'crack' }],
    };
    const file = readBoxes(JSON.stringify(coco), 'coco.json');
    const [box] = boxesOf(file, 'x/broken/000.png')!;
    close(box);
    expect(box).toMatchObject({ score: 0.5, phrase: 'crack' });
    expect(boxesOf(file, 'x/good/000.png')).toEqual([]);
    const orphan = { ...coco, annotations: [{ image_id: 9, bbox: [0, 0, 1, 1] }] };
    expect(() => readBoxes(JSON.stringify(orphan), 'coco.json')).toThrow(/annotations\[0\]/);
  });

  test.each([
    ['no JSON', '{', /JSON/],
    ['a line that is none', `${JSON.stringify(plain)}\nx`, /line 2/],
    ['no boxes', '[{"image": "a.png"}]', /\[0\]/],
    ['a list of results alone', '[{"image_id": 1, "bbox": [0, 0, 1, 1], "score": 1}]', /\[0\].*COCO/],
    [
      'pixels taken for shares',
      JSON.stringify([{ ...plain, boxes: [{ xyxy: [1, 2, 300, 400], score: 1 }] }]),
      /pixels/,
    ],
    ['pixels without a size', JSON.stringify([{ image: 'a', pixels: true, boxes: [] }]), /size/],
    [
      'a score that is none',
      JSON.stringify([{ ...plain, boxes: [{ xyxy: [0, 0, 1, 1], score: 'x' }] }]),
      /score/,
    ],
    [
      'corners the wrong way round',
      JSON.stringify([{ ...plain, boxes: [{ xyxy: [1, 0, 0, 1], score: 1 }] }]),
      /box/,
    ],
    ['an image twice', JSON.stringify([plain, plain]), /every image once/],
  ])('%s is refused', (_, text, message) => {
    expect(() => readBoxes(text, 'boxes.json')).toThrow(WeightsError);
    expect(() => readBoxes(text, 'boxes.json')).toThrow(message);
  });

  const box = (xyxy: Box['corners'], score: number, phrase?: string): Box => ({
    corners: xyxy,
    score,
    phrase,
  });
  test("the published rules: score, area, words, the best one's region", () => {
    const best = box([0.7, 0.7, 0.9, 0.9], 0.6, 'a Crack');
    const used = useBoxes(
      [
        box([0, 0, 0.1, 0.1], 0.2, 'crack'),
        box([0, 0, 1, 0.8], 0.9, 'crack'),
        best,
        box([0, 0, 0.2, 0.2], 0.7, 'dog'),
      ],
      ['crack'],
      518,
    );
    expect(used.pixels).toEqual([[362, 362, 466, 466]]);
    expect(used.position).toBe(8);
    // None above the score: the best one; none with a word: the middle of the image.
    expect(useBoxes([box([0, 0, 0.1, 0.1], 0.2), box([0, 0, 0.2, 0.1], 0.1)], [], 518)).toEqual({
      pixels: [[0, 0, 51, 51]],
      position: 0,
    });
    expect(useBoxes([], ['crack'], 518)).toEqual({ pixels: [], position: 4 });
    expect(useBoxes([box([0, 0, 0.1, 0.1], 0.5, 'dog')], ['crack'], 518)).toEqual({
      pixels: [],
      position: 4,
    });
    // Printed scores are compared, in four characters; of equals the later one counts.
    const equal = useBoxes([box([0, 0, 0.1, 0.1], 0.551), box([0.9, 0, 1, 0.1], 0.559)], [], 518);
    expect(equal.position).toBe(2);
    // A centre on the line between two regions belongs to none: pixels 172 and 173 have 172.5 in between.
    expect(useBoxes([box([100 / 518, 0, 245 / 518, 0.1], 0.5)], [], 518).position).toBeUndefined();
  });

  test('map values outside of boxes count less', () => {
    const factors = insideBoxes([[1.7, 0, 3.2, 2]], 4);
    expect([...factors].map((x) => (x === 1 ? 1 : 0))).toEqual([
      0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    expect(factors[0]).toBeCloseTo(0.7, 6);
  });
});

describe('descriptions', () => {
  const fail = (field: string, expected: string, found: string): never => {
    throw new Error(`${field}: expected ${expected}, found ${found}`);
  };
  test('lists, texts with commas, and both one level deeper', () => {
    const given = { mvtec: { 'metal nut': 'cracks, missing thread ,bent' }, pcb1: ['oxidation'] };
    const found = parseDescriptions(given, 'descriptions', fail);
    expect(describedAs(found, 'metal_nut')).toEqual(['cracks', 'missing thread', 'bent']);
    expect(spokenClass(found, 'pcb1')).toBe('pcb');
    expect(spokenClass(found, 'Class1')).toBe('Class1');
    expect(describedAs(found, 'wood')).toEqual([]);
    expect(() => parseDescriptions({ a: [1] }, 'd', fail)).toThrow(/d\.a: expected a list/);
    expect(() => parseDescriptions([], 'd', fail)).toThrow(/d: expected an object/);
  });

  test('every abnormal state at every position; what cannot be said is left out', () => {
    const vocabulary = ['.', 'abnormal', 'at', 'cracks', 'damaged', 'left', 'nut', 'right', 'with'];
    const words = {
      normal: ['{}', 'flawless {}'],
      abnormal: ['damaged {}'],
      positions: ['left', 'right', 'nowhere'],
      descriptions: { nut: ['cracks'] },
    };
    const config = { ...tinyConfig, contextLength: 20 };
    const { tails, dropped } = classTexts(
      { config },
      createWordTokenizer(vocabulary),
      { ...words, tokens: 5 },
      'nut',
    );
    const say = (ids: readonly number[]) =>
      ids
        .slice(0, -1)
        .map((id) => vocabulary[id])
        .join(' ');
    expect(tails.normal.map(({ ids }) => say(ids))).toEqual(['nut .']);
    expect(tails.abnormal.map(({ ids, position }) => [say(ids), position])).toEqual([
      ['abnormal nut with cracks at left .', 0],
      ['abnormal nut with cracks at right .', 1],
      ['damaged nut at left .', 0],
      ['damaged nut at right .', 1],
    ]);
    expect(dropped).toHaveLength(3);
    expect(() =>
      classTexts({ config }, createWordTokenizer(vocabulary), { ...words, tokens: 5 }, 'bolt'),
    ).toThrow(/bolt/);
  });
});
