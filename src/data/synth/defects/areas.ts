/** Defects that are spots and patches: hole, stain, discoloration, contamination, burn. */

import { type Color, mixed, shaded } from '../canvas.ts';
import { clamp01, smoothstep } from '../maths.ts';
import { fractalNoise } from '../noise.ts';
import { foreign, stainColors, tints } from './colors.ts';
import { blob, slope } from './shapes.ts';
import { brightness, contrasting, cover, graded, type Site } from './site.ts';

/** A dark hole with a rim that catches the light on one side. */
export function hole(site: Site): void {
  const { random } = site;
  const { view } = site.rendering;
  const { coverage, depth } = blob(random, view, site, { radius: graded(site, 0.045, 0.12), uneven: 0.8 });
  const light = random.range(0, 2 * Math.PI);
  const [lx, ly] = [Math.cos(light), Math.sin(light)];
  const dark = brightness(site) < 0.22;
  cover(site, coverage, 1, (i, at) => {
    // Depth grows inwards: a rim that faces the light is bright.
    const [gx, gy] = slope(depth, view.size, i);
    const rim = Math.max(0, 1 - depth[i]! * 2.6);
    return shaded(at, (dark ? 0.05 : 0.16) + rim * (0.35 + 0.75 * (gx * lx + gy * ly)));
  });
}

/** A soaked patch: the surface shows through, darker, with a darker edge as a dried drop leaves. */
export function stain(site: Site): void {
  const { random } = site;
  const { coverage, depth } = blob(random, site.rendering.view, site, {
    radius: graded(site, 0.07, 0.2),
    uneven: 1.1,
  });
  const color = random.pick(stainColors);
  const dark = brightness(site) < 0.25;
  cover(site, coverage, graded(site, 0.45, 0.85), (i, at) => {
    const edge = 1 - 0.3 * Math.max(0, 1 - depth[i]! * 6);
    // Nothing is darker than black: there the dried drop is a pale crust.
    if (dark) return mixed(at, [0.62, 0.58, 0.5], 0.6 / edge);
    return [at[0] * color[0] * edge * 1.25, at[1] * color[1] * edge * 1.25, at[2] * color[2] * edge * 1.25];
  });
}

/** A patch whose colour has turned, by light or chemicals: texture and brightness stay, the hue moves. */
export function discoloration(site: Site): void {
  const { random } = site;
  const { depth } = blob(random, site.rendering.view, site, { radius: graded(site, 0.12, 0.3), uneven: 1 });
  const tint = random.pick(tints);
  const edge = random.range(0.15, 0.5);
  const soft = Float32Array.from(depth, (d) => smoothstep(0, edge, d));
  cover(site, soft, graded(site, 0.45, 0.9), (_, at) => {
    const grey = 0.3 * at[0] + 0.55 * at[1] + 0.15 * at[2] + 0.04;
    return [grey * tint[0], grey * tint[1], grey * tint[2]];
  });
}

/** Foreign matter: a few lumps or a sprinkle of grains, each lit from one side. */
export function contamination(site: Site): void {
  const { random, severity } = site;
  const { view } = site.rendering;
  const color = contrasting(site, foreign);
  const lumps = random.next() < 0.4;
  const count = lumps ? 1 + random.int(2) : 3 + random.int(4 + Math.round(10 * severity));
  const spread = view.unit * graded(site, 0.07, 0.18);
  for (let k = 0; k < count; k++) {
    const [angle, far] = [random.range(0, 2 * Math.PI), spread * Math.sqrt(random.next())];
    const radius = lumps ? graded(site, 0.035, 0.085) : graded(site, 0.014, 0.028);
    const [x, y] = [site.x + far * Math.cos(angle), site.y + far * Math.sin(angle)];
    const { coverage, depth } = blob(random, view, { x, y }, { radius, uneven: 0.7 });
    cover(site, coverage, 0.95, (i) => {
      const [gx, gy] = slope(depth, view.size, i);
      return shaded(color, 1 + 0.35 * (gx + gy) * (1 - clamp01(depth[i]!)));
    });
  }
}

/** A scorched patch: black and ashen in the middle, brown around it, fading out unevenly. */
export function burn(site: Site): void {
  const { random } = site;
  const { view } = site.rendering;
  const { depth } = blob(random, view, site, { radius: graded(site, 0.1, 0.24), uneven: 1.2 });
  const strength = graded(site, 0.6, 0.95);
  const ash = fractalNoise(random, 20, 2);
  const pale = brightness(site) < 0.25;
  const char: Color = [0.06, 0.05, 0.05];
  const coverage = Float32Array.from(depth, (d) => smoothstep(0, 0.25, d));
  cover(site, coverage, strength, (i, at) => {
    const scorched: Color = [at[0] * 0.62, at[1] * 0.42, at[2] * 0.24];
    const charred = smoothstep(0.2, 0.6, depth[i]!);
    const flake = Math.max(0, ash((i % view.size) / view.unit, i / view.size / view.unit) - 0.5);
    // On black only the ash shows.
    return mixed(scorched, shaded(pale ? [0.42, 0.4, 0.38] : char, 1 + 4 * flake), charred);
  });
}
