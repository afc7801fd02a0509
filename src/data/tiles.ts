// Large photographs in overlapping squares, each looked at with the CLIP's own number of pixels: what is small in the
// photograph is not lost where the whole of it is squashed. Their maps are blended into one.
import type { TileOptions } from '../base/tile-options.ts';
import { ImageError } from './errors.ts';
import { type AnomalyMap, resizeMap } from './heatmap.ts';
import type { RgbImage } from './image.ts';

/** Of one image: a longer one is an error, not an afternoon. */
export const mostTiles = 1024;

/** A square of an image, in its pixels. */
export interface Tile {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The squares of an image, row by row; the last of a row ends where the image does.
 * @throws RangeError for an image that is so long that there would be more than `mostTiles`
 */
export function tilesOf({ width, height }: Size, { count, overlap }: TileOptions): Tile[] {
  const step = 1 - overlap;
  const side = Math.max(1, Math.ceil(Math.min(width, height) / (1 + (count - 1) * step) - 1e-9));
  const starts = (length: number): number[] => {
    const rest = length - side;
    const steps = Math.ceil(rest / Math.max(1, Math.floor(side * step)) - 1e-9);
    return steps > mostTiles
      ? tooMany()
      : Array.from({ length: steps + 1 }, (_, i) => Math.round((i * rest) / Math.max(1, steps)));
  };
  const tooMany = (): never => {
    throw new RangeError(
      `tiles: expected at most ${mostTiles}, found more: ${width} x ${height} in squares of ${side}`,
    );
  };
  const [columns, rows] = [starts(width), starts(height)];
  if (columns.length * rows.length > mostTiles) tooMany();
  return rows.flatMap((y) => columns.map((x) => ({ x, y, side })));
}

/** `tilesOf` an image file. @throws ImageError */
export function imageTiles(image: Size, options: TileOptions, file: string): Tile[] {
  try {
    return tilesOf(image, options);
  } catch (cause) {
    const { width, height } = image;
    throw new ImageError(
      file,
      `an image of at most ${mostTiles} tiles`,
      `more, in ${width} x ${height} pixels`,
      {
        cause,
      },
    );
  }
}

/** The pixels of a square. */
export function cropImage({ width, data }: RgbImage, { x, y, side }: Tile): RgbImage {
  const cropped = new Uint8Array(3 * side * side);
  for (let row = 0; row < side; row++) {
    const start = 3 * ((y + row) * width + x);
    cropped.set(data.subarray(start, start + 3 * side), 3 * row * side);
  }
  return { width: side, height: side, data: cropped };
}

export interface TileBlend {
  /** @param map of the square, itself square */
  add(tile: Tile, found: TileFound): void;
  /** Once every square was added. */
  result(): TileFound;
}

interface TileFound {
  readonly score: number;
  readonly map: AnomalyMap;
}

/**
 * Blends the maps of an image's squares. The map has the image's aspect, a square as many pixels as its map (or its own,
 * where it has fewer); where squares overlap, each counts the less the nearer its edge is. The score is the largest of a
 * square.
 */
export function blendTiles(
  image: Size,
  tiles: readonly Tile[],
  { overlap }: Pick<TileOptions, 'overlap'>,
): TileBlend {
  const { side } = tiles[0]!;
  let canvas: ReturnType<typeof createCanvas> | undefined;
  let score = 0;
  return {
    add(tile, found) {
      score = Math.max(score, found.score);
      canvas ??= createCanvas(image, side, Math.min(found.map.width, side), overlap);
      canvas.add(tile, found.map);
    },
    result: () => ({ score, map: canvas!.result() }),
  };
}

/** Sums of maps and of their weights. @param pixels side of a square in the blended map */
function createCanvas(image: Size, side: number, pixels: number, overlap: number) {
  const scale = pixels / side;
  const [width, height] = [image.width, image.height].map((length) =>
    Math.max(pixels, Math.round(length * scale)),
  ) as [number, number];
  const sums = new Float64Array(width * height);
  const weights = new Float64Array(width * height);
  const ramp = Math.max(1, overlap * pixels);
  const weight = Float64Array.from({ length: pixels }, (_, i) =>
    Math.min(1, (Math.min(i, pixels - 1 - i) + 0.5) / ramp),
  );
  return {
    add(tile: Tile, map: AnomalyMap): void {
      const { values } = resizeMap(map, pixels, pixels);
      const left = Math.min(width - pixels, Math.round(tile.x * scale));
      const top = Math.min(height - pixels, Math.round(tile.y * scale));
      for (let y = 0; y < pixels; y++)
        for (let x = 0; x < pixels; x++) {
          const at = (top + y) * width + left + x;
          const share = weight[x]! * weight[y]!;
          sums[at]! += share * values[y * pixels + x]!;
          weights[at]! += share;
        }
    },
    result: (): AnomalyMap => ({
      width,
      height,
      values: Float32Array.from(sums, (sum, i) => sum / weights[i]!),
    }),
  };
}
