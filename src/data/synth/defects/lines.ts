/** Defects that are lines: scratch, crack, thread. */
import type { Random } from '../../random.ts';
import type { Color, Rendering } from '../canvas.ts';
import { addStroke, brightness, cover, type Point, wander } from './coverage.ts';

const somewhere = (random: Random, margin: number): Point => [
  random.range(margin, 1 - margin),
  random.range(margin, 1 - margin),
];

/** One to three nearly straight lines, tapered; light on a dark surface, dark on a light one. */
export function scratch(random: Random, { canvas }: Rendering): Uint8Array {
  const { size } = canvas;
  const coverage = new Float32Array(size * size);
  const heading = random.range(0, 2 * Math.PI);
  const width = Math.max(1.6, size * random.range(0.014, 0.022));
  let start = somewhere(random, 0.25);
  for (let k = 1 + random.int(3); k > 0; k--) {
    const line = wander(random, start, heading + random.range(-0.12, 0.12), random.range(0.3, 0.55), 8, 0.06);
    addStroke(coverage, size, line, (t) => width * (0.55 + 0.45 * Math.sin(Math.PI * t)));
    start = [start[0] + random.range(-0.08, 0.08), start[1] + random.range(-0.08, 0.08)];
  }
  const light = brightness(canvas) < random.range(0.45, 0.65);
  return cover(canvas, coverage, 0.8, light ? [0.95, 0.94, 0.92] : [0.14, 0.13, 0.13]);
}

/** A dark jagged line with branches. */
export function crack(random: Random, { canvas }: Rendering): Uint8Array {
  const { size } = canvas;
  const coverage = new Float32Array(size * size);
  const width = Math.max(1.5, size * random.range(0.016, 0.024));
  const heading = random.range(0, 2 * Math.PI);
  const trunk = wander(random, somewhere(random, 0.2), heading, random.range(0.5, 0.8), 16, 0.7);
  addStroke(coverage, size, trunk, (t) => width * (1 - 0.6 * t));
  for (let k = 1 + random.int(3); k > 0; k--) {
    const start = trunk[2 + random.int(trunk.length - 4)]!;
    const aside = heading + random.pick([-1, 1]) * random.range(0.6, 1.2);
    const branch = wander(random, start, aside, random.range(0.12, 0.28), 7, 0.7);
    addStroke(coverage, size, branch, (t) => width * 0.7 * (1 - 0.6 * t));
  }
  return cover(canvas, coverage, 0.9, [0.09, 0.08, 0.08]);
}

const threadColors: readonly Color[] = [
  [0.85, 0.12, 0.15],
  [0.95, 0.95, 0.9],
  [0.1, 0.1, 0.12],
  [0.15, 0.65, 0.3],
];

/** A loose fibre lying on the surface in a curve. */
export function thread(random: Random, { canvas }: Rendering): Uint8Array {
  const { size } = canvas;
  const coverage = new Float32Array(size * size);
  const width = Math.max(1.8, size * random.range(0.02, 0.028));
  const bend = random.range(-0.22, 0.22);
  let direction = random.range(0, 2 * Math.PI);
  const length = random.range(0.5, 0.9);
  let [x, y] = somewhere(random, 0.25);
  const points: Point[] = [[x, y]];
  for (let k = 0; k < 24; k++) {
    direction += bend + random.range(-0.15, 0.15);
    x += (Math.cos(direction) * length) / 24;
    y += (Math.sin(direction) * length) / 24;
    points.push([x, y]);
  }
  addStroke(coverage, size, points, () => width);
  const light = brightness(canvas);
  const [r, g, b] = random.pick(
    threadColors.filter((c) => Math.abs((c[0] + c[1] + c[2]) / 3 - light) > 0.25),
  );
  // Brighter towards the middle of the fibre, so that it looks round.
  return cover(canvas, coverage, 0.95, (i) => {
    const round = 0.75 + 0.25 * coverage[i]!;
    return [r * round, g * round, b * round];
  });
}
