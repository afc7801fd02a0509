// What the page computes and says, without a browser.
import { describe, expect, test } from 'vitest';
import { turbo } from '../src/data/heatmap.ts';
import { DetectorError, type DetectorErrorKind } from '../src/detector/index.ts';
import { formatPlace, formatRemaining, formatSize } from '../web/core/format.ts';
import { createClock } from '../web/engine/activity.ts';
import { concernsAll, explain } from '../web/engine/problems.ts';
import { readScore } from '../web/inspect/reading.ts';
import { heatPixels } from '../web/studio/heat.ts';
import { findRegions, outline } from '../web/studio/regions.ts';
import { smallMap } from '../web/studio/small-map.ts';

const map = (width: number, rows: readonly string[]) => ({
  width,
  height: rows.length,
  values: Float32Array.from(rows.join(''), (digit) => Number(digit) / 10),
});

describe('regions', () => {
  const values = map(6, ['900000', '000077', '000670', '000000']);

  test('connected over corners, highest peak first, as shares of the image', () => {
    const [first, second, ...others] = findRegions(values, 0.55);
    expect(others).toEqual([]);
    expect(first).toMatchObject({ left: 0, top: 0, width: 1 / 6, height: 1 / 4, area: 1 / 24 });
    expect(first!.peak).toBeCloseTo(0.9);
    expect([first!.x, first!.y]).toEqual([0.5 / 6, 0.5 / 4]);
    expect(second).toMatchObject({ left: 0.5, top: 1 / 4, width: 0.5, height: 0.5, area: 4 / 24 });
    expect(second!.peak).toBeCloseTo(0.7);
  });

  test('specks are left out where there is something larger', () => {
    const size = 64;
    const field = new Float32Array(size * size);
    field[10] = 0.95;
    expect(findRegions({ width: size, height: size, values: field }, 0.5)).toHaveLength(1);
    for (let y = 30; y < 40; y += 1) field.fill(0.8, y * size + 20, y * size + 30);
    const [only, ...others] = findRegions({ width: size, height: size, values: field }, 0.5);
    expect(others).toEqual([]);
    expect(only!.area).toBeCloseTo(100 / size ** 2);
  });

  test('the outline lies on the threshold: half way between a pixel above and one below', () => {
    const line = outline(map(5, ['00000', '00000', '00800', '00000', '00000']), 0.4);
    const points = [...line.matchAll(/([\d.]+) ([\d.]+)/g)].map(
      ([, x, y]) => [Number(x), Number(y)] as const,
    );
    expect(points.length).toBeGreaterThanOrEqual(4);
    // Half a pixel from the centre of pixel (2, 2), which is at 2.5.
    for (const [x, y] of points) expect(Math.abs(x - 2.5) + Math.abs(y - 2.5)).toBeCloseTo(0.5, 2);
  });
});

test('heat: turbo colours, opaque in proportion to the value, faded below the threshold', () => {
  const pixels = heatPixels(map(3, ['048']), { opacity: 0.5, threshold: 0.5, range: [0, 0.8] });
  expect(pixels[3]).toBe(0);
  expect(pixels[7]).toBe(Math.round(255 * 0.5 * 0.5 * 0.35));
  expect(pixels[11]).toBe(Math.round(255 * 0.5));
  expect([...pixels.subarray(8, 11)]).toEqual(turbo(1));
});

describe('words', () => {
  const plain = { untrained: false };

  test('a reading follows the limit stored with the prompts', () => {
    expect(readScore({ ...plain, score: 0.4, threshold: 0.3 })).toMatchObject({ tone: 'bad' });
    expect(readScore({ ...plain, score: 0.2, threshold: 0.3 })).toMatchObject({ tone: 'good' });
    expect(readScore({ ...plain, score: 0.32, threshold: 0.3 })).toMatchObject({ tone: 'unsure' });
    expect(readScore({ ...plain, score: 0.99, threshold: 0.95 })).toMatchObject({ tone: 'bad' });
    expect(readScore({ ...plain, score: 0.96, threshold: 0.95 })).toMatchObject({ tone: 'unsure' });
    expect(readScore({ ...plain, score: 0.7 }).text).toContain('not calibrated');
    expect(readScore({ score: 0.9, untrained: true })).toMatchObject({ tone: 'neutral' });
    for (const unfamiliar of ['drawings', 'photographs'] as const) {
      const hint = readScore({ ...plain, score: 0.1, threshold: 0.5, unfamiliar });
      expect(hint).toMatchObject({ verdict: 'Only a hint', tone: 'unsure' });
      expect(hint.text).toContain(unfamiliar);
      expect(hint.passes).toBeUndefined();
    }
  });

  test('sizes, times, places', () => {
    expect([999, 1000, 3_447_826, 999_900, 934_088_680].map(formatSize)).toEqual([
      '999 B',
      '1.0 kB',
      '3.4 MB',
      '1.0 MB',
      '934 MB',
    ]);
    expect([0.3, 40, 150, 7500].map(formatRemaining)).toEqual([
      'less than a second',
      '40 s',
      '3 min',
      '2 h 5 min',
    ]);
    expect(formatPlace(0.1, 0.9)).toBe('lower left');
    expect(formatPlace(0.5, 0.5)).toBe('centre');
  });

  test('the rest of a phase from its pace', () => {
    let now = 0;
    const rest = createClock(() => now);
    expect(rest({ phase: 'compute', done: 0, total: 10 })).toBeUndefined();
    now = 2000;
    expect(rest({ phase: 'compute', done: 4, total: 10 })).toBeCloseTo(3);
    expect(rest({ phase: 'read', done: 1, total: 10 })).toBeUndefined();
  });

  test.each<[DetectorErrorKind, RegExp, RegExp]>([
    ['out-of-memory', /memory/, /smaller model/],
    ['device-lost', /lost/, /again/i],
    ['network', /download/, /address/],
  ])('%s says what happened and what helps', (kind, title, hint) => {
    const problem = explain(new DetectorError(kind, 'what the library says'));
    expect(problem.title).toMatch(title);
    expect(problem.hint).toMatch(hint);
    expect(problem.detail).toBe('what the library says');
    expect(concernsAll(problem)).toBe(true);
  });

  test('a bad image concerns itself alone', () => {
    expect(concernsAll(explain(new DetectorError('bad-image', 'x.png')))).toBe(false);
  });
});

test('a map of many tiles is shown small, with its strongest signs', () => {
  const [width, height] = [1600, 2300];
  const values = new Float32Array(width * height).fill(0.1);
  values[1999 * width + 1333] = 0.9; // one pixel
  const small = smallMap({ width, height, values });
  expect([small.width, small.height]).toEqual([534, 767]);
  const [first, ...others] = findRegions(small, 0.5);
  expect(others).toEqual([]);
  expect(first!.peak).toBeCloseTo(0.9);
  expect([first!.x, first!.y]).toEqual([
    expect.closeTo(1333.5 / width, 2),
    expect.closeTo(1999.5 / height, 2),
  ]);
  expect(small.values.every(Number.isFinite)).toBe(true);
  const usual = map(3, ['048']);
  expect(smallMap(usual)).toBe(usual);
});
