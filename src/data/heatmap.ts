// Anomaly maps as pictures.
import type { RgbImage } from './image.ts';

/** An anomaly map, row major. */
export interface AnomalyMap {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/**
 * The turbo colour map (Mikhailov, 2019), by the polynomials that its author published: blue over green to red.
 * @param t in [0, 1]
 * @returns red, green, blue in [0, 255]
 */
export function turbo(t: number): [number, number, number] {
  const polynomial = (...coefficients: number[]) => coefficients.reduceRight((sum, c) => sum * t + c, 0);
  const byte = (value: number) => Math.max(0, Math.min(255, Math.round(value)));
  return [
    byte(polynomial(34.61, 1172.33, -10793.56, 33300.12, -38394.49, 14825.05)),
    byte(polynomial(23.31, 557.33, 1225.33, -3574.96, 1073.77, 707.56)),
    byte(polynomial(27.2, 3211.1, -15327.97, 27814, -22569.18, 6838.66)),
  ];
}

/** Bilinear resize, pixel centres at half coordinates: the square map squashed back to an image's own aspect. */
export function resizeMap(map: AnomalyMap, width: number, height: number): AnomalyMap {
  if (map.width === width && map.height === height) return map;
  const axis = (from: number, to: number) =>
    Array.from({ length: to }, (_, i) => {
      const at = Math.max(0, Math.min(from - 1, ((i + 0.5) * from) / to - 0.5));
      const low = Math.floor(at);
      return { low, high: Math.min(from - 1, low + 1), part: at - low };
    });
  const columns = axis(map.width, width);
  const values = new Float32Array(width * height);
  axis(map.height, height).forEach(({ low, high, part }, y) => {
    const row = (at: number, x: (typeof columns)[number]) => {
      const left = map.values[at * map.width + x.low]!;
      return left + (map.values[at * map.width + x.high]! - left) * x.part;
    };
    columns.forEach((x, i) => {
      const top = row(low, x);
      values[y * width + i] = top + (row(high, x) - top) * part;
    });
  });
  return { width, height, values };
}

/** Values of a square map. */
export function squareMap(values: Float32Array): AnomalyMap {
  const side = Math.round(Math.sqrt(values.length));
  return { width: side, height: side, values };
}

/** Values that are shown as blue and as red. */
export type Range = readonly [number, number];

/** Smallest and largest value of a map. */
export const mapRange = ({ values }: AnomalyMap): Range => {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
};

const strongest = 0.8; // opacity of the highest value

/** The heat map over its image: the higher a value, the less of the image shows through, so normal regions stay visible. */
export function overlay(image: RgbImage, map: AnomalyMap, [low, high]: Range = [0, 1]): RgbImage {
  const { width, height } = image;
  const { values } = resizeMap(map, width, height);
  const colours = Array.from({ length: 256 }, (_, i) => turbo(i / 255));
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < values.length; i += 1) {
    const t = high > low ? Math.max(0, Math.min(1, (values[i]! - low) / (high - low))) : 0;
    const opacity = strongest * t;
    const colour = colours[Math.round(255 * t)]!;
    for (let c = 0; c < 3; c += 1)
      data[3 * i + c] = Math.round(opacity * colour[c]! + (1 - opacity) * image.data[3 * i + c]!);
  }
  return { width, height, data };
}
