/** How a large image is looked at in overlapping squares (data/tiles.ts); stored with the prompts, as thresholds depend on it. */
export interface TileOptions {
  /** Squares along the shorter side of an image, at least 1; along the longer one as many as it takes. */
  readonly count: number;
  /** Share of a square that its neighbour covers too, at least: [0, 0.9]. */
  readonly overlap: number;
}

export const defaultOverlap = 0.25;
const [mostAlong, largestOverlap] = [64, 0.9];

export const isTileOptions = (value: unknown): value is TileOptions => {
  const { count, overlap } = Object(value) as Partial<TileOptions>;
  return (
    Number.isSafeInteger(count) &&
    count! >= 1 &&
    count! <= mostAlong &&
    typeof overlap === 'number' &&
    overlap >= 0 &&
    overlap <= largestOverlap
  );
};

export const tilesExpected = `a count of 1 to ${mostAlong} and an overlap of 0 to ${largestOverlap}`;

export const sameTiles = (a: TileOptions | undefined, b: TileOptions | undefined): boolean =>
  a?.count === b?.count && a?.overlap === b?.overlap;

/** For people. */
export const describeTiles = (tiles: TileOptions | undefined): string =>
  tiles ? `${tiles.count} tiles along the shorter side, overlapping by ${tiles.overlap}` : 'no tiles';
