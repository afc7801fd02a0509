/** Shapes of defects: how much of each pixel a line or a blob covers. */
import type { Random } from '../../../base/random.ts';
import { clamp01 } from '../maths.ts';
import { fractalNoise } from '../noise.ts';
import type { View } from '../view.ts';

/** In pixels. */
export type Point = readonly [number, number];

/** Adds a line through `points` to `coverage`, `width(t)` pixels wide at t in [0, 1] along it. */
export function addStroke(
  coverage: Float32Array,
  size: number,
  points: readonly Point[],
  width: (t: number) => number,
): void {
  for (let k = 0; k + 1 < points.length; k++) {
    const [ax, ay] = points[k]!;
    const [bx, by] = points[k + 1]!;
    const [dx, dy] = [bx - ax, by - ay];
    const half = width((k + 0.5) / (points.length - 1)) / 2;
    const reach = half + 1;
    const lengthSquared = dx * dx + dy * dy || 1;
    const x1 = Math.min(size - 1, Math.ceil(Math.max(ax, bx) + reach));
    const y1 = Math.min(size - 1, Math.ceil(Math.max(ay, by) + reach));
    for (let y = Math.max(0, Math.floor(Math.min(ay, by) - reach)); y <= y1; y++) {
      for (let x = Math.max(0, Math.floor(Math.min(ax, bx) - reach)); x <= x1; x++) {
        const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
        const t = clamp01((px * dx + py * dy) / lengthSquared);
        const [offX, offY] = [px - t * dx, py - t * dy];
        const covered = clamp01(half + 0.5 - Math.sqrt(offX * offX + offY * offY));
        const i = y * size + x;
        if (covered > coverage[i]!) coverage[i] = covered;
      }
    }
  }
}

export interface Blob {
  /** Sharp at the outline. */
  coverage: Float32Array;
  /** 0 at the outline, about 1 in the middle, negative outside. */
  depth: Float32Array;
}

/** A blob of about `radius` (in units of the world) around (x, y) in pixels, with an uneven outline. */
export function blob(
  random: Random,
  view: View,
  { x, y }: { readonly x: number; readonly y: number },
  { radius, uneven }: { readonly radius: number; readonly uneven: number },
): Blob {
  const { size, unit } = view;
  const [stretch, angle] = [random.range(0.7, 1.4), random.range(0, Math.PI)];
  const [cos, sin] = [Math.cos(angle) / unit, Math.sin(angle) / unit];
  const outline = fractalNoise(random, 1.2 / radius, 2);
  const coverage = new Float32Array(size * size);
  const depth = new Float32Array(size * size).fill(-1);
  const reach = radius * unit * Math.max(stretch, 1 / stretch) * (1 + uneven / 2) + 1;
  const [left, right] = [Math.max(0, Math.floor(x - reach)), Math.min(size - 1, x + reach)];
  for (let row = Math.max(0, Math.floor(y - reach)); row <= Math.min(size - 1, y + reach); row++) {
    for (let column = left; column <= right; column++) {
      const [px, py] = [column + 0.5 - x, row + 0.5 - y];
      const along = (px * cos + py * sin) * stretch;
      const across = (py * cos - px * sin) / stretch;
      const wave = uneven * (outline(px / unit, py / unit) - 0.5);
      const inside = 1 - Math.sqrt(along * along + across * across) / radius + wave;
      const i = row * size + column;
      depth[i] = inside;
      coverage[i] = clamp01(inside * radius * unit + 0.5);
    }
  }
  return { coverage, depth };
}

/** Direction in which `depth` grows at pixel i, of length 1 (or 0 where it is flat). */
export function slope(depth: Float32Array, size: number, i: number): Point {
  const gx = (depth[i + 1] ?? 0) - (depth[i - 1] ?? 0);
  const gy = (depth[i + size] ?? 0) - (depth[i - size] ?? 0);
  const length = Math.sqrt(gx * gx + gy * gy) || 1;
  return [gx / length, gy / length];
}

/** How a line goes on. */
export interface Course {
  /** Radians. */
  readonly heading: number;
  /** Pixels. */
  readonly length: number;
  readonly steps: number;
  /** The most radians that it turns by at each step. */
  readonly turn: number;
  /** Radians that it turns by at every step. */
  readonly bend?: number;
}

/** A line whose middle is (x, y). */
export function wander(
  random: Random,
  { x, y }: { readonly x: number; readonly y: number },
  { heading, length, steps, turn, bend = 0 }: Course,
): Point[] {
  const half = (direction: number, curve: number): Point[] => {
    const points: Point[] = [];
    let [px, py] = [x, y];
    let angle = direction;
    for (let k = 0; k < steps / 2; k++) {
      angle += curve + random.range(-turn, turn);
      px += (Math.cos(angle) * length) / steps;
      py += (Math.sin(angle) * length) / steps;
      points.push([px, py]);
    }
    return points;
  };
  return [...half(heading + Math.PI, -bend).reverse(), [x, y], ...half(heading, bend)];
}
