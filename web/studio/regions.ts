// The most suspicious regions of a map, and the line around them.
import { contours } from 'd3-contour';
import type { AnomalyMap } from '../../src/data/heatmap.ts';
import { forEachRegion } from '../../src/eval/regions.ts';

/** A connected region at or above the threshold; positions and sizes as shares of the image's width and height. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** The place of its highest value. */
  readonly x: number;
  readonly y: number;
  /** Its highest value. */
  readonly peak: number;
  /** Its share of the image's area. */
  readonly area: number;
}

/** Regions of a smaller share of the image are specks, unless there is no larger one. */
const speck = 0.002;

/** The regions at or above a threshold, highest peak first. */
export function findRegions({ width, height, values }: AnomalyMap, threshold: number): Region[] {
  const mask = new Uint8Array(values.length);
  for (let i = 0; i < mask.length; i += 1) mask[i] = Number(values[i]! >= threshold);
  const regions: Region[] = [];
  forEachRegion(mask, width, height, (pixels) => {
    let [left, top, right, bottom] = [width, height, 0, 0];
    let highest = pixels[0]!;
    for (const pixel of pixels) {
      const x = pixel % width;
      const y = (pixel - x) / width;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
      if (values[pixel]! > values[highest]!) highest = pixel;
    }
    regions.push({
      left: left / width,
      top: top / height,
      width: (right - left) / width,
      height: (bottom - top) / height,
      x: ((highest % width) + 0.5) / width,
      y: (Math.floor(highest / width) + 0.5) / height,
      peak: values[highest]!,
      area: pixels.length / values.length,
    });
  });
  regions.sort((a, b) => b.peak - a.peak);
  const large = regions.filter(({ area }) => area >= speck);
  return large.length > 0 ? large : regions;
}

/** Both, of one map: what is to be seen of it beside its colours. */
export const mark = (map: AnomalyMap, threshold: number): Marked => ({
  regions: findRegions(map, threshold),
  outline: outline(map, threshold),
});

export interface Marked {
  readonly regions: readonly Region[];
  readonly outline: string;
}

/** The line at the threshold as the data of an SVG path, in units of the map's pixels. */
export function outline({ width, height, values }: AnomalyMap, threshold: number): string {
  const { coordinates } = contours()
    .size([width, height])
    .contour(values as unknown as number[], threshold);
  const point = ([x, y]: number[]) => `${x!.toFixed(2)} ${y!.toFixed(2)}`;
  return coordinates
    .flat()
    .map((ring) => `M${ring.slice(0, -1).map(point).join('L')}Z`)
    .join('');
}
