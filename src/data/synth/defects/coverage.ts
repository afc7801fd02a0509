/** Shapes of defects: how much of each pixel a defect covers, and how covered pixels change. */
import type { Random } from '../../random.ts';
import { type Canvas, type Color, clamp01 } from '../canvas.ts';
import { fractalNoise } from '../noise.ts';

/** Points in units of the image's side. */
export type Point = readonly [number, number];

/** Adds a line through `points` to `coverage`, `width(t)` pixels wide at t in [0, 1] along it. */
export function addStroke(
  coverage: Float32Array,
  size: number,
  points: readonly Point[],
  width: (t: number) => number,
): void {
  for (let k = 0; k + 1 < points.length; k++) {
    const [ax, ay] = [points[k]![0] * size, points[k]![1] * size];
    const [bx, by] = [points[k + 1]![0] * size, points[k + 1]![1] * size];
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
        const distance = Math.hypot(px - t * dx, py - t * dy);
        const covered = clamp01(half + 0.5 - distance);
        const i = y * size + x;
        if (covered > coverage[i]!) coverage[i] = covered;
      }
    }
  }
}

/** A blob of about `radius` (in units of the side) with an uneven outline, well inside the image. */
export function blob(
  random: Random,
  size: number,
  radius: number,
  uneven: number,
): { coverage: Float32Array; depth: Float32Array } {
  const margin = Math.min(0.45, radius * 1.1);
  const [cx, cy] = [random.range(margin, 1 - margin), random.range(margin, 1 - margin)];
  const [stretch, angle] = [random.range(0.7, 1.4), random.range(0, Math.PI)];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const shape = fractalNoise(random, size, 1.2 / radius, 2);
  const coverage = new Float32Array(size * size);
  const depth = new Float32Array(size * size);
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      const [px, py] = [(x + 0.5) / size - cx, (y + 0.5) / size - cy];
      const distance = Math.hypot((px * cos + py * sin) * stretch, (py * cos - px * sin) / stretch);
      // Depth inside the outline, 0 at the edge, about 1 in the middle.
      const inside = 1 - distance / radius + uneven * (shape[i]! - 0.5);
      depth[i] = inside;
      coverage[i] = clamp01(inside * radius * size + 0.5);
    }
  }
  return { coverage, depth };
}

/** A line from `start`, turning by up to `turn` radians at each of `steps` steps. */
export function wander(
  random: Random,
  start: Point,
  heading: number,
  length: number,
  steps: number,
  turn: number,
): Point[] {
  const points: Point[] = [start];
  let [x, y] = start;
  let direction = heading;
  for (let k = 0; k < steps; k++) {
    direction += random.range(-turn, turn);
    x += (Math.cos(direction) * length) / steps;
    y += (Math.sin(direction) * length) / steps;
    points.push([x, y]);
  }
  return points;
}

/** Coverage below this is dropped: a change nobody can see is no defect, and no mask would mark it. */
const leastCoverage = 0.2;

/**
 * Blends `color` (constant, or of the pixel) over the canvas by `coverage` times `opacity`; returns the mask.
 * Only pixels in the mask change.
 */
export function cover(
  canvas: Canvas,
  coverage: Float32Array,
  opacity: number,
  color: Color | ((i: number, at: Color) => Color),
): Uint8Array {
  const { data } = canvas;
  const mask = new Uint8Array(coverage.length);
  for (let i = 0; i < mask.length; i++) {
    if (coverage[i]! < leastCoverage) continue;
    mask[i] = 1;
    const target =
      typeof color === 'function' ? color(i, [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!]) : color;
    for (let c = 0; c < 3; c++) data[3 * i + c]! += (target[c]! - data[3 * i + c]!) * coverage[i]! * opacity;
  }
  return mask;
}

/** Mean brightness of the canvas, to choose a defect's tone against it. */
export function brightness({ data }: Canvas): number {
  let sum = 0;
  for (const value of data) sum += value;
  return sum / data.length;
}
