/** What surfaces and defects draw on: a square of RGB in [0, 1], before light, noise and rounding to bytes. */

export type Color = readonly [number, number, number];

export interface Canvas {
  size: number;
  /** Interleaved RGB, 3 * size * size values. */
  data: Float32Array;
}

/** A clean surface. Surfaces made of parts also say which part a pixel shows and what lies beneath. */
export interface Rendering {
  canvas: Canvas;
  parts?: {
    /** Number of the part at each pixel, -1 between parts. */
    ids: Int16Array;
    beneath: Canvas;
  };
}

export const createCanvas = (size: number): Canvas => ({ size, data: new Float32Array(3 * size * size) });

/** A canvas filled pixel by pixel: `shade` writes the colour of pixel `i` at (u, v) in [0, 1) to `out`. */
export function paint(
  size: number,
  shade: (out: [number, number, number], u: number, v: number, i: number) => void,
): Canvas {
  const canvas = createCanvas(size);
  const color: [number, number, number] = [0, 0, 0];
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      shade(color, (x + 0.5) / size, (y + 0.5) / size, i);
      canvas.data[3 * i] = color[0];
      canvas.data[3 * i + 1] = color[1];
      canvas.data[3 * i + 2] = color[2];
    }
  }
  return canvas;
}

/** out = a + (b - a) t, times `brightness`. */
export function mixInto(
  out: [number, number, number],
  a: Color,
  b: Color,
  t: number,
  brightness: number,
): void {
  for (let c = 0; c < 3; c++) out[c] = (a[c]! + (b[c]! - a[c]!) * t) * brightness;
}

export const clamp01 = (x: number): number => Math.min(1, Math.max(0, x));

/** 0 below `low`, 1 above `high`, smooth between. */
export function smoothstep(low: number, high: number, x: number): number {
  const t = clamp01((x - low) / (high - low));
  return t * t * (3 - 2 * t);
}
