/** What families and defects draw on: a square of RGB in [0, 1], before light, noise and rounding to bytes. */
import type { Color, ColorName } from './colors.ts';

export type { Color };

import { clamp01 } from './maths.ts';
import type { View } from './view.ts';

export type Pixel = [number, number, number];

export interface Canvas {
  size: number;
  /** Interleaved RGB, 3 * size * size values. */
  data: Float32Array;
}

/** A clean picture of one family, with what defects need to know about it. */
export interface Rendering {
  canvas: Canvas;
  view: View;
  /** Name of the main colour, for captions; null if it has none. */
  color: ColorName | null;
  /** How much of each pixel the object covers, 0 to 1; absent where the surface fills the picture. */
  object?: Float32Array;
  /** What lies behind the object; present where `object` is. */
  background?: Canvas;
  /** What can be missing: the number of the part at each pixel, -1 between parts, and what is beneath them. */
  parts?: { ids: Int16Array; beneath: Canvas };
}

/** Writes a colour to `out` for the point (x, y) of the world, at pixel `i`. */
export type Shade = (out: Pixel, x: number, y: number, i: number) => void;

export const createCanvas = (size: number): Canvas => ({ size, data: new Float32Array(3 * size * size) });

export const copyCanvas = ({ size, data }: Canvas): Canvas => ({ size, data: data.slice() });

/** A canvas filled pixel by pixel. */
export function paint(view: View, shade: Shade): Canvas {
  const canvas = createCanvas(view.size);
  const { data } = canvas;
  const color: Pixel = [0, 0, 0];
  eachPixel(view, (x, y, i) => {
    shade(color, x, y, i);
    data[3 * i] = color[0];
    data[3 * i + 1] = color[1];
    data[3 * i + 2] = color[2];
  });
  return canvas;
}

/**
 * An object over `background`, with a soft shadow around it. `shade` returns the signed distance to the outline in
 * the world of `view` (negative inside) and writes a colour where that is below a pixel.
 */
export function paintObject(
  view: View,
  background: Canvas,
  shade: (out: Pixel, x: number, y: number, i: number) => number,
): { canvas: Canvas; object: Float32Array; background: Canvas } {
  const canvas = copyCanvas(background);
  const { data } = canvas;
  const object = new Float32Array(view.size * view.size);
  const color: Pixel = [0, 0, 0];
  eachPixel(view, (x, y, i) => {
    const distance = shade(color, x, y, i);
    const covered = clamp01(0.5 - distance * view.unit);
    object[i] = covered;
    const shadow = distance > 0.06 ? 1 : 1 - 0.45 * (1 - Math.max(0, distance) / 0.06) ** 2;
    for (let c = 0; c < 3; c++) {
      const behind = data[3 * i + c]! * shadow;
      data[3 * i + c] = behind + (color[c]! - behind) * covered;
    }
  });
  return { canvas, object, background };
}

function eachPixel(view: View, visit: (x: number, y: number, i: number) => void): void {
  const { size, stepX, stepY } = view;
  for (let row = 0, i = 0; row < size; row++) {
    let x = view.x + 0.5 * stepX - (row + 0.5) * stepY;
    let y = view.y + 0.5 * stepY + (row + 0.5) * stepX;
    for (let column = 0; column < size; column++, i++) {
      visit(x, y, i);
      x += stepX;
      y += stepY;
    }
  }
}

/** out = a + (b - a) t, times `brightness`. */
// biome-ignore lint/complexity/useMaxParams: called for every pixel, no object is made for each
export function mixInto(out: Pixel, a: Color, b: Color, t: number, brightness: number): void {
  for (let c = 0; c < 3; c++) out[c] = (a[c]! + (b[c]! - a[c]!) * t) * brightness;
}

/** Covers `t` of what is in `out` with `color` times `brightness`. */
export function coverInto(out: Pixel, color: Color, t: number, brightness = 1): void {
  for (let c = 0; c < 3; c++) out[c]! += (color[c]! * brightness - out[c]!) * t;
}

/** The colour times a factor. */
export const shaded = ([r, g, b]: Color, factor: number): Color => [r * factor, g * factor, b * factor];

/** a + (b - a) t. */
export function mixed(a: Color, b: Color, t: number): Color {
  const out: Pixel = [0, 0, 0];
  mixInto(out, a, b, t, 1);
  return out;
}
