/** Defects that are lines: scratch, crack, thread. */

import { shaded } from '../canvas.ts';
import { threadColors } from './colors.ts';
import { addStroke, wander } from './shapes.ts';
import { brightness, contrasting, cover, graded, type Site } from './site.ts';

/** One to three nearly straight lines, tapered; light on a dark surface, dark on a light one. */
export function scratch(site: Site): void {
  const { random, severity } = site;
  const { size, unit } = site.rendering.view;
  const coverage = new Float32Array(size * size);
  const heading = random.range(0, 2 * Math.PI);
  const width = Math.max(1.2, unit * graded(site, 0.014, 0.028));
  let { x, y } = site;
  for (let k = 1 + random.int(1 + Math.round(2 * severity)); k > 0; k--) {
    const length = unit * graded(site, 0.22, 0.6);
    const line = wander(
      random,
      { x, y },
      { heading: heading + random.range(-0.15, 0.15), length, steps: 8, turn: 0.06 },
    );
    addStroke(coverage, size, line, (t) => width * (0.5 + 0.5 * Math.sin(Math.PI * t)));
    x += random.range(-0.07, 0.07) * unit;
    y += random.range(-0.07, 0.07) * unit;
  }
  const light = brightness(site) < random.range(0.4, 0.6);
  cover(site, coverage, graded(site, 0.5, 0.85), light ? [0.95, 0.94, 0.92] : [0.13, 0.12, 0.12]);
}

/** A dark jagged line with branches. */
export function crack(site: Site): void {
  const { random, severity } = site;
  const { size, unit } = site.rendering.view;
  const coverage = new Float32Array(size * size);
  const width = Math.max(1.4, unit * graded(site, 0.016, 0.034));
  const heading = random.range(0, 2 * Math.PI);
  const length = unit * graded(site, 0.3, 0.8);
  const trunk = wander(random, site, { heading, length, steps: 16, turn: 0.7 });
  addStroke(coverage, size, trunk, (t) => width * (1 - 0.6 * t));
  for (let k = random.int(2) + Math.round(2 * severity); k > 0; k--) {
    const [x, y] = trunk[2 + random.int(trunk.length - 4)]!;
    const aside = heading + random.pick([-1, 1]) * random.range(0.6, 1.2);
    const branch = wander(
      random,
      { x, y },
      { heading: aside, length: length * random.range(0.25, 0.5), steps: 7, turn: 0.7 },
    );
    addStroke(coverage, size, branch.slice(branch.length >> 1), (t) => width * 0.7 * (1 - 0.6 * t));
  }
  const tone = brightness(site) < 0.22 ? 0.01 : 0.07;
  cover(site, coverage, graded(site, 0.75, 0.95), [tone, tone, tone]);
}

/** A loose fibre lying on the surface in a curve. */
export function thread(site: Site): void {
  const { random } = site;
  const { size, unit } = site.rendering.view;
  const coverage = new Float32Array(size * size);
  const width = Math.max(1.4, unit * graded(site, 0.014, 0.03));
  const heading = random.range(0, 2 * Math.PI);
  const line = wander(random, site, {
    heading,
    length: unit * graded(site, 0.35, 1),
    steps: 24,
    turn: 0.15,
    bend: random.range(-0.25, 0.25),
  });
  addStroke(coverage, size, line, () => width);
  const color = contrasting(site, threadColors);
  // Brighter towards the middle of the fibre, so that it looks round.
  cover(site, coverage, 0.95, (i) => shaded(color, 0.7 + 0.3 * coverage[i]!));
}
