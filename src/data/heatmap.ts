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

/** Where the pixels of an axis of `to` lie between two of an axis of `from`: the one before, the one after, how far. */
function between(from: number, to: number) {
  const [low, high, part] = [new Int32Array(to), new Int32Array(to), new Float64Array(to)];
  for (let i = 0; i < to; i += 1) {
    const at = Math.max(0, Math.min(from - 1, ((i + 0.5) * from) / to - 0.5));
    low[i] = Math.floor(at);
    high[i] = Math.min(from - 1, low[i]! + 1);
    part[i] = at - low[i]!;
  }
  return { low, high, part };
}

/** Bilinear resize, pixel centres at half coordinates: the square map squashed back to an image's own aspect. */
export function resizeMap(map: AnomalyMap, width: number, height: number): AnomalyMap {
  if (map.width === width && map.height === height) return map;
  const [columns, rows] = [between(map.width, width), between(map.height, height)];
  const values = new Float32Array(width * height);
  // Plain loops: pictures are as large as photographs.
  for (let y = 0, to = 0; y < height; y += 1) {
    const [above, below, down] = [rows.low[y]! * map.width, rows.high[y]! * map.width, rows.part[y]!];
    for (let x = 0; x < width; x += 1, to += 1) {
      const [left, right, part] = [columns.low[x]!, columns.high[x]!, columns.part[x]!];
      const top = mix(map.values[above + left]!, map.values[above + right]!, part);
      values[to] = mix(top, mix(map.values[below + left]!, map.values[below + right]!, part), down);
    }
  }
  return { width, height, values };
}

const mix = (a: number, b: number, part: number): number => a + (b - a) * part;

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

/** The colours of 256 values, red, green and blue behind one another. */
export const turboBytes = Uint8Array.from(Array.from({ length: 256 }, (_, i) => turbo(i / 255)).flat());

/** The heat map over its image: the higher a value, the less of the image shows through, so normal regions stay visible. */
export function overlay(image: RgbImage, map: AnomalyMap, [low, high]: Range = [0, 1]): RgbImage {
  const { width, height } = image;
  const { values } = resizeMap(map, width, height);
  const data = new Uint8Array(3 * width * height);
  const scale = high > low ? 1 / (high - low) : 0;
  for (let i = 0, at = 0; i < values.length; i += 1) {
    const t = Math.max(0, Math.min(1, (values[i]! - low) * scale));
    const opacity = strongest * t;
    for (let colour = 3 * Math.round(255 * t), end = at + 3; at < end; at += 1, colour += 1)
      data[at] = opacity * turboBytes[colour]! + (1 - opacity) * image.data[at]! + 0.5; // rounded
  }
  return { width, height, data };
}
