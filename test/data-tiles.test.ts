import { describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import { squareMap } from '../src/data/heatmap.ts';
import { blendTiles, cropImage, mostTiles, tilesOf } from '../src/data/tiles.ts';

const random = createRandom(3);
const sizes = Array.from({ length: 200 }, () => ({
  width: 1 + Math.floor(random.next() * 900),
  height: 1 + Math.floor(random.next() * 900),
}));

describe('tiles of an image', () => {
  test('four by three for a photograph of 4:3', () => {
    const tiles = tilesOf({ width: 400, height: 300 }, { count: 3, overlap: 0 });
    expect(tiles).toHaveLength(12);
    expect(tiles.slice(0, 5)).toEqual([
      { x: 0, y: 0, side: 100 },
      { x: 100, y: 0, side: 100 },
      { x: 200, y: 0, side: 100 },
      { x: 300, y: 0, side: 100 },
      { x: 0, y: 100, side: 100 },
    ]);
    expect(tilesOf({ width: 100, height: 100 }, { count: 1, overlap: 0.25 })).toEqual([
      { x: 0, y: 0, side: 100 },
    ]);
  });

  test.each([0, 0.25, 0.5, 0.9])(
    'with an overlap of %d they cover every pixel, lie inside, and overlap',
    (overlap) => {
      for (const size of sizes)
        for (const count of [1, 2, 5]) {
          const long = Math.max(size.width, size.height) / Math.min(size.width, size.height);
          if (long > 8) continue;
          let tiles: ReturnType<typeof tilesOf>;
          try {
            tiles = tilesOf(size, { count, overlap });
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
            continue;
          }
          expect(tiles.length).toBeLessThanOrEqual(mostTiles);
          for (const [axis, length] of [
            ['x', size.width],
            ['y', size.height],
          ] as const) {
            const starts = [...new Set(tiles.map((tile) => tile[axis]))].sort((a, b) => a - b);
            const { side } = tiles[0]!;
            expect(starts[0]).toBe(0);
            expect(starts.at(-1)! + side).toBe(length);
            for (let i = 1; i < starts.length; i++)
              expect(starts[i - 1]! + side - starts[i]!).toBeGreaterThanOrEqual(
                Math.floor(overlap * side) - 1,
              );
          }
        }
    },
  );

  test('an image that is too long is refused', () => {
    expect(() => tilesOf({ width: 60_000, height: 20 }, { count: 1, overlap: 0.25 })).toThrow(/at most 1024/);
  });

  test('a crop has the pixels of its square', () => {
    const data = Uint8Array.from({ length: 3 * 7 * 5 }, (_, i) => i);
    const { width, height, data: found } = cropImage({ width: 7, height: 5, data }, { x: 2, y: 1, side: 3 });
    expect([width, height]).toEqual([3, 3]);
    expect([...found.subarray(0, 3)]).toEqual([...data.subarray(3 * (7 + 2), 3 * (7 + 2) + 3)]);
    expect([...found.subarray(24)]).toEqual([...data.subarray(3 * (3 * 7 + 4), 3 * (3 * 7 + 4) + 3)]);
  });
});

describe('maps of tiles, blended', () => {
  /** What each tile sees of a picture that is a plane over the whole image: its own part of it. */
  const plane = (x: number, y: number, { width, height }: { width: number; height: number }) =>
    0.2 + (0.5 * x) / width + (0.3 * y) / height;

  test.each([
    [{ width: 240, height: 180 }, 3, 0.25, 32],
    [{ width: 90, height: 200 }, 2, 0.5, 16],
    [{ width: 40, height: 30 }, 2, 0.25, 64], // squares of fewer pixels than the maps
  ])('a plane is a plane again: %j', (size, count, overlap, side) => {
    const tiles = tilesOf(size, { count, overlap });
    const blend = blendTiles(size, tiles, { overlap });
    for (const [i, tile] of tiles.entries()) {
      const map = new Float32Array(side * side);
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++)
          map[y * side + x] = plane(
            tile.x + ((x + 0.5) * tile.side) / side,
            tile.y + ((y + 0.5) * tile.side) / side,
            size,
          );
      blend.add(tile, { score: i / tiles.length, map: squareMap(map) });
    }
    const { score, map } = blend.result();
    expect(score).toBe((tiles.length - 1) / tiles.length);
    expect(map.width / map.height).toBeCloseTo(size.width / size.height, 1);
    // A square's place is rounded to whole pixels of the map.
    const allowed = 0.8 / Math.min(side, tiles[0]!.side);
    for (let y = 0; y < map.height; y++)
      for (let x = 0; x < map.width; x++) {
        const expected = plane(
          ((x + 0.5) * size.width) / map.width,
          ((y + 0.5) * size.height) / map.height,
          size,
        );
        expect(Math.abs(map.values[y * map.width + x]! - expected)).toBeLessThan(allowed);
      }
  });

  test('in an overlap the nearer square counts more, and nothing is left out', () => {
    const size = { width: 28, height: 16 };
    const tiles = tilesOf(size, { count: 1, overlap: 0.25 });
    expect(tiles.map(({ x }) => x)).toEqual([0, 12]);
    const blend = blendTiles(size, tiles, { overlap: 0.25 });
    blend.add(tiles[0]!, { score: 0.1, map: squareMap(new Float32Array(256).fill(0)) });
    blend.add(tiles[1]!, { score: 0.4, map: squareMap(new Float32Array(256).fill(1)) });
    const { score, map } = blend.result();
    expect(score).toBe(0.4);
    const row = [...map.values.subarray(0, 28)];
    expect(row.slice(0, 12)).toEqual(Array(12).fill(0));
    expect(row.slice(16)).toEqual(Array(12).fill(1));
    [1, 3, 5, 7].forEach((eighths, i) => {
      expect(row[12 + i]).toBeCloseTo(eighths / 8, 6);
    });
  });
});
