// Maps of overlapping tiles as one map of the whole photograph.
import type { AnomalyMap } from '../../src/data/heatmap.ts';

/** A part of a photograph, in pixels of it. */
export interface Tile {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** How much two neighbours share, as a share of a tile: a defect on a border is whole in one of them. */
const overlap = 0.2;

/** n x n tiles of one size that cover a photograph. */
export function tilesOf(width: number, height: number, n: number): Tile[] {
  const side = (length: number) => Math.min(length, Math.ceil(length / (n - (n - 1) * overlap)));
  const [w, h] = [side(width), side(height)];
  const start = (length: number, own: number, i: number) =>
    n === 1 ? 0 : Math.round(((length - own) * i) / (n - 1));
  return Array.from({ length: n * n }, (_, i) => ({
    x: start(width, w, i % n),
    y: start(height, h, Math.floor(i / n)),
    width: w,
    height: h,
  }));
}

/** Value at a point in [0, 1) of a map, between its pixels. */
function sample({ width, height, values }: AnomalyMap, u: number, v: number): number {
  const x = Math.max(0, Math.min(width - 1, u * width - 0.5));
  const y = Math.max(0, Math.min(height - 1, v * height - 0.5));
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [x1, y1] = [Math.min(width - 1, x0 + 1), Math.min(height - 1, y0 + 1)];
  const [fx, fy] = [x - x0, y - y0];
  const at = (px: number, py: number) => values[py * width + px]!;
  return (
    (at(x0, y0) * (1 - fx) + at(x1, y0) * fx) * (1 - fy) + (at(x0, y1) * (1 - fx) + at(x1, y1) * fx) * fy
  );
}

/**
 * The whole map, side x side. Where tiles overlap, each counts the more the farther the place is from its border, so
 * that there are no seams.
 */
export function stitch(
  tiles: readonly { readonly tile: Tile; readonly map: AnomalyMap }[],
  width: number,
  height: number,
  side: number,
): AnomalyMap {
  const values = new Float32Array(side * side);
  const weights = new Float32Array(side * side);
  for (const { tile, map } of tiles) {
    const first = (from: number, length: number) => Math.max(0, Math.ceil((from / length) * side - 0.5));
    const last = (to: number, length: number) =>
      Math.min(side - 1, Math.ceil((to / length) * side - 0.5) - 1);
    for (let py = first(tile.y, height); py <= last(tile.y + tile.height, height); py += 1) {
      const v = (((py + 0.5) / side) * height - tile.y) / tile.height;
      for (let px = first(tile.x, width); px <= last(tile.x + tile.width, width); px += 1) {
        const u = (((px + 0.5) / side) * width - tile.x) / tile.width;
        const weight = Math.max(1e-3, Math.min(u, 1 - u, v, 1 - v));
        values[py * side + px]! += weight * sample(map, u, v);
        weights[py * side + px]! += weight;
      }
    }
  }
  for (let i = 0; i < values.length; i += 1) values[i]! /= weights[i]!;
  return { width: side, height: side, values };
}
