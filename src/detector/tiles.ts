// Large photographs in overlapping squares, in the library.
import { defaultOverlap, isTileOptions, type TileOptions, tilesExpected } from '../base/tile-options.ts';
import type { AnomalyMap } from '../data/heatmap.ts';
import type { RgbImage } from '../data/image.ts';
import { blendTiles, cropImage, imageTiles } from '../data/tiles.ts';
import type { RunOptions } from '../graph/executor.ts';
import type { TileSource } from './api.ts';
import { DetectorError } from './errors.ts';

interface Found {
  readonly score: number;
  readonly map: AnomalyMap;
}

/** Detects in every square of an image, one after the other. @throws ImageError, what `detect` throws */
export async function detectTiles(
  { image, name }: { readonly image: RgbImage; readonly name: string },
  tiles: TileOptions,
  options: RunOptions,
  detect: (square: RgbImage, options: RunOptions) => Promise<Found>,
): Promise<Found> {
  const squares = imageTiles(image, tiles, name);
  const blend = blendTiles(image, squares, tiles);
  for (const [i, square] of squares.entries()) {
    // One progress for all of them.
    const onProgress = (done: number, total: number) =>
      options.onProgress?.(i * total + done, squares.length * total);
    blend.add(square, await detect(cropImage(image, square), { ...options, onProgress }));
  }
  return blend.result();
}

/** What was asked for, else what the prompts say. @throws DetectorError 'bad-option' */
export function tilesOfSource(
  given: TileSource | undefined,
  stored: TileOptions | undefined,
): { readonly tiles: TileOptions | undefined } {
  if (given === undefined) return { tiles: stored };
  if (given === false) return { tiles: undefined };
  const { count, overlap = defaultOverlap } = typeof given === 'number' ? { count: given } : given;
  const tiles = { count, overlap };
  if (isTileOptions(tiles)) return { tiles };
  throw new DetectorError('bad-option', `tiles: expected ${tilesExpected}, found ${JSON.stringify(given)}`);
}
