import { describe, expect, test } from 'vitest';
import { mapRange, overlay, resizeMap, turbo } from '../src/data/heatmap.ts';

const map = (width: number, height: number, value: (x: number, y: number) => number) => ({
  width,
  height,
  values: Float32Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width))),
});

describe('turbo', () => {
  test('has the published colours', () => {
    // Values of d3-scale-chromatic's interpolateTurbo.
    expect(turbo(0)).toEqual([35, 23, 27]);
    expect(turbo(0.5)).toEqual([149, 251, 81]);
    expect(turbo(1)).toEqual([144, 12, 0]);
  });
});

describe('resizeMap', () => {
  test('keeps a ramp a ramp between the outer pixel centres, and clamps outside of them', () => {
    const ramp = resizeMap(
      map(4, 2, (x) => x),
      8,
      6,
    );
    expect(Array.from(ramp.values.subarray(0, 8))).toEqual([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]);
    expect(ramp.values.subarray(40, 48)).toEqual(ramp.values.subarray(0, 8));
  });

  test('squashes back to another aspect: what was at a relative place stays there', () => {
    const spot = map(16, 16, (x, y) => (x === 12 && y === 4 ? 1 : 0));
    const wide = resizeMap(spot, 64, 32);
    const at = wide.values.indexOf(mapRange(wide)[1]);
    expect((at % 64) / 64).toBeCloseTo(12.5 / 16, 1);
    expect(Math.floor(at / 64) / 32).toBeCloseTo(4.5 / 16, 1);
  });
});

describe('overlay', () => {
  const image = { width: 4, height: 1, data: new Uint8Array(12).fill(100) };
  const shown = map(4, 1, (x) => [0, 0.25, 0.5, 1][x]!);

  test('leaves pixels of value 0 as they are and nearly covers those of value 1', () => {
    const { data } = overlay(image, shown);
    expect(Array.from(data.subarray(0, 3))).toEqual([100, 100, 100]);
    expect(Array.from(data.subarray(9))).toEqual(turbo(1).map((c) => Math.round(0.8 * c + 0.2 * 100)));
  });

  test('takes a range, and a map without one', () => {
    expect(Array.from(overlay(image, shown, [0.5, 1]).data.subarray(0, 9))).toEqual(Array(9).fill(100));
    const flat = map(4, 1, () => 0.3);
    expect(overlay(image, flat, mapRange(flat)).data).toEqual(image.data);
  });
});
