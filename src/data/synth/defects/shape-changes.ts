/** Defects of form: dent, deformation, missing part, chip; and misprint. */

import { type Color, mixed, shaded } from '../canvas.ts';
import { clamp01, smoothstep } from '../maths.ts';
import { noise } from '../noise.ts';
import { inks } from './colors.ts';
import { addStroke, blob, type Point, slope } from './shapes.ts';
import { contrasting, cover, findEdge, graded, type Site } from './site.ts';

/** A hollow: the surface unchanged but for the light, bright on one slope and dark on the other. */
export function dent(site: Site): void {
  const { random } = site;
  const { view } = site.rendering;
  const { coverage, depth } = blob(random, view, site, { radius: graded(site, 0.07, 0.17), uneven: 0.3 });
  const light = random.range(0, 2 * Math.PI);
  const [lx, ly] = [Math.cos(light), Math.sin(light)];
  const contrast = graded(site, 0.35, 0.65);
  cover(site, coverage, 1, (i, at) => {
    const [gx, gy] = slope(depth, view.size, i);
    // Flat in the middle, steepest half-way down.
    const steep = Math.sin(Math.PI * clamp01(depth[i]! * 0.8 + 0.15));
    const tone = 0.92 + contrast * (gx * lx + gy * ly) * steep;
    return [at[0] * tone, at[1] * tone, at[2] * tone];
  });
}

/** The picture pushed or twisted around a place; an object is bent at its outline, onto what lies behind it. */
export function deformation(site: Site): void {
  const { random, rendering } = site;
  const { canvas, view } = rendering;
  const centre = findEdge(site) ?? site;
  const radius = view.unit * graded(site, 0.13, 0.27);
  const heading = random.range(0, 2 * Math.PI);
  const push = radius * graded(site, 0.3, 0.5);
  const [dx, dy] = [Math.cos(heading) * push, Math.sin(heading) * push];
  const twist = random.next() < 0.4 ? random.pick([-1, 1]) * graded(site, 0.7, 1.3) : 0;
  const source = canvas.data.slice();
  const { size } = canvas;
  const last = size - 1;
  for (let y = Math.max(0, Math.floor(centre.y - radius)); y <= Math.min(last, centre.y + radius); y++) {
    for (let x = Math.max(0, Math.floor(centre.x - radius)); x <= Math.min(last, centre.x + radius); x++) {
      const [px, py] = [x + 0.5 - centre.x, y + 0.5 - centre.y];
      const far = (px * px + py * py) / (radius * radius);
      if (far >= 1) continue;
      const weight = (1 - far) ** 2;
      const [cos, sin] = [Math.cos(twist * weight), Math.sin(twist * weight)];
      const shift = twist === 0 ? weight : 0;
      const fromX = Math.min(last, Math.max(0, x + px * (cos - 1) - py * sin - dx * shift));
      const fromY = Math.min(last, Math.max(0, y + py * (cos - 1) + px * sin - dy * shift));
      sample(canvas.data, 3 * (y * size + x), source, size, fromX, fromY);
    }
  }
}

/** Bilinear: writes the colour of `source` at (x, y), both in [0, size - 1], to `out` from index k. */
// biome-ignore lint/complexity/useMaxParams: called for every pixel, no object is made for each
function sample(
  out: Float32Array,
  k: number,
  source: Float32Array,
  size: number,
  x: number,
  y: number,
): void {
  const [column, row] = [Math.min(size - 2, Math.floor(x)), Math.min(size - 2, Math.floor(y))];
  const [s, t] = [x - column, y - row];
  const above = 3 * (row * size + column);
  const below = above + 3 * size;
  for (let c = 0; c < 3; c++) {
    const top = source[above + c]! + (source[above + 3 + c]! - source[above + c]!) * s;
    const bottom = source[below + c]! + (source[below + 3 + c]! - source[below + c]!) * s;
    out[k + c] = top + (bottom - top) * t;
  }
}

/** A part (dot, tile, pin, tooth, component) that is not there; two of them if it is bad. */
export function missing(site: Site): void {
  const { random, severity } = site;
  const { canvas, parts } = site.rendering;
  if (!parts) throw new Error('defect "missing" needs a picture with parts');
  const areas = new Map<number, number>();
  for (const id of parts.ids) if (id >= 0) areas.set(id, (areas.get(id) ?? 0) + 1);
  // A part cut off by the picture's border would hardly be noticed.
  const whole = [...areas].sort((a, b) => b[1] - a[1]).slice(0, Math.ceil(0.6 * areas.size));
  if (whole.length === 0) return;
  const gone = new Set(Array.from({ length: severity > 0.7 ? 2 : 1 }, () => random.pick(whole)[0]));
  const { data } = parts.beneath;
  for (let i = 0; i < parts.ids.length; i++) {
    if (gone.has(parts.ids[i]!)) canvas.data.set(data.subarray(3 * i, 3 * i + 3), 3 * i);
  }
}

/** A piece broken off at the object's outline: the background shows, along a rough pale break. */
export function chip(site: Site): void {
  const { random, rendering } = site;
  const edge = findEdge(site);
  if (!edge || !rendering.background) return;
  const { coverage, depth } = blob(random, rendering.view, edge, {
    radius: graded(site, 0.06, 0.15),
    uneven: 1.1,
  });
  const { data } = rendering.background;
  cover(site, coverage, 1, (i, at) => {
    const behind: Color = [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];
    const breaking = mixed(shaded(at, 0.7), [0.8, 0.78, 0.74], 0.35);
    return mixed(breaking, behind, smoothstep(0.16, 0.3, depth[i]!));
  });
}

/** Ink where none belongs: rows of short marks, or parallel bars, thin in places. */
export function misprint(site: Site): void {
  const { random } = site;
  const { size, unit } = site.rendering.view;
  const coverage = new Float32Array(size * size);
  const angle = random.range(0, 2 * Math.PI);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const at = (u: number, v: number): Point => [site.x + u * cos - v * sin, site.y + u * sin + v * cos];
  const half = (unit * graded(site, 0.16, 0.36)) / 2;
  const pitch = Math.max(3, unit * graded(site, 0.045, 0.07));
  const width = pitch * random.range(0.35, 0.5);
  const marks = random.next() < 0.6;
  for (let row = random.int(2) + 1; row >= -1; row--) {
    if (!marks) addStroke(coverage, size, [at(-half, row * pitch), at(half, row * pitch)], () => width);
    else if (row < 1) {
      // Marks like letters: upright strokes, some with a foot.
      for (let u = -half; u < half; u += pitch) {
        const top = at(u, row * pitch * 2.2 - pitch * 0.8);
        const foot = at(u, row * pitch * 2.2 + pitch * 0.8);
        addStroke(coverage, size, [top, foot], () => width);
        if (random.next() < 0.5)
          addStroke(
            coverage,
            size,
            [foot, at(u + pitch * 0.5, row * pitch * 2.2 + pitch * 0.8)],
            () => width,
          );
      }
    }
  }
  const thin = noise(random, 16);
  const ink = contrasting(site, inks);
  const dry = Float32Array.from(coverage, (c, i) =>
    c === 0 ? 0 : c * smoothstep(0.05, 0.3, thin((i % size) / unit, Math.floor(i / size) / unit)),
  );
  cover(site, dry, graded(site, 0.6, 0.95), ink);
}
