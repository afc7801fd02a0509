/** Round machined things: flange, knob and coin. */
import type { Random } from '../../../base/random.ts';
import { mixInto, paintObject, type Rendering } from '../canvas.ts';
import { pickColor } from '../colors.ts';
import { inSector, modulo, smoothstep } from '../maths.ts';
import { noise } from '../noise.ts';
import type { View } from '../view.ts';
import { bevel, stage } from './stage.ts';

/** A flange: a disc with a bore, a raised hub and a circle of bolt holes. */
export function flange(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['silver', 'grey', 'black', 'golden', 'white', 'blue', 'green']);
  const { background, at } = stage(random, view, color);
  const outer = random.range(0.34, 0.41);
  const bore = outer * random.range(0.15, 0.34);
  const hub = bore + outer * random.range(0.08, 0.2);
  const bolts = 3 + random.int(6);
  const circle = outer * random.range(0.68, 0.78);
  const hole = outer * random.range(0.07, 0.12);
  const grain = noise(random, random.range(10, 60), random.range(10, 60));
  const lip = random.next() < 0.5 ? 0.25 : 0;
  const painted = paintObject(at, background, (out, x, y) => {
    const radius = Math.hypot(x, y);
    const sector = (2 * Math.PI) / bolts;
    const angle = inSector(Math.atan2(y, x), sector);
    const [hx, hy] = [radius * Math.cos(angle) - circle, radius * Math.sin(angle)];
    const toHole = Math.hypot(hx, hy) - hole;
    const edge =
      0.4 * bevel(x, y, outer - radius, 0.03) -
      0.4 * bevel(x, y, radius - bore, 0.03) +
      0.35 * bevel(x, y, Math.abs(radius - hub), 0.025);
    const sunk = lip * (1 - smoothstep(hole * 0.5, hole * 0.7, Math.abs(toHole)));
    mixInto(out, color, color, 0, 0.95 + 0.14 * (grain(x, y) - 0.5) + edge - sunk);
    return Math.max(radius - outer, bore - radius, -toHole);
  });
  return { ...painted, view, color: name };
}

/** A control knob: a ridged flank around a flat or dished top with a pointer. Each ridge is a part. */
export function knob(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['black', 'grey', 'silver', 'white', 'red', 'blue', 'beige']);
  const { background, at } = stage(random, view, color);
  const outer = random.range(0.31, 0.38);
  const top = outer * random.range(0.62, 0.82);
  const ridges = 12 + random.int(25);
  const depth = random.range(0.008, 0.03);
  const pointer = random.range(0.012, 0.025);
  const from = top * random.range(0, 0.6);
  const ink = name === 'white' || name === 'beige' || name === 'silver' ? 0.2 : 1;
  const wear = noise(random, 8);
  const dish = random.range(-0.3, 0.3);
  const ids = new Int16Array(view.size ** 2).fill(-1);
  const painted = paintObject(at, background, (out, x, y, i) => {
    const radius = Math.hypot(x, y);
    const turn = (Math.atan2(y, x) / (2 * Math.PI)) * ridges;
    const ridge = Math.cos(2 * Math.PI * turn);
    const outline = outer + depth * ridge;
    if (radius > outer - depth && radius < outline + 0.01) ids[i] = modulo(Math.round(turn), ridges);
    const flank = smoothstep(top - 0.01, top + 0.01, radius);
    const tone =
      0.95 +
      0.1 * (wear(x, y) - 0.5) +
      flank * (0.22 * ridge - 0.1) +
      dish * (1 - flank) * ((x + y) / top) +
      0.35 * bevel(x, y, Math.abs(radius - top), 0.02);
    const line = Math.max(Math.abs(y) - pointer, from - x, x - top * 0.95);
    mixInto(out, color, [ink, ink, ink], 1 - smoothstep(-0.006, 0.006, line), tone);
    return (radius - outline) * 0.8;
  });
  return { ...painted, view, color: name, parts: { ids, beneath: background } };
}

/** A coin: a rim with beads, and a relief of strokes and a polygon. */
export function coin(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['golden', 'silver', 'brown', 'grey']);
  const { background, at } = stage(random, view, color);
  const outer = random.range(0.34, 0.41);
  const rim = outer * random.range(0.84, 0.92);
  const beads = 24 + random.int(40);
  const sides = 3 + random.int(5);
  const shape = rim * random.range(0.3, 0.6);
  const spokes = random.int(3) * (6 + random.int(10));
  const height = random.range(0.15, 0.35);
  const patina = noise(random, 7);
  const painted = paintObject(at, background, (out, x, y) => {
    const radius = Math.hypot(x, y);
    const angle = Math.atan2(y, x);
    const sector = (2 * Math.PI) / sides;
    const polygon = radius * Math.cos(inSector(angle, sector)) - shape;
    const bead = radius > rim * 0.9 && radius < rim ? 0.12 * Math.cos(beads * angle) : 0;
    const ray = spokes > 0 && polygon > 0.02 && radius < rim * 0.85 ? 0.08 * Math.cos(spokes * angle) : 0;
    const edge =
      0.4 * bevel(x, y, outer - radius, 0.025) -
      height * bevel(x, y, Math.abs(radius - rim), 0.02) +
      height * bevel(x, y, Math.abs(polygon), 0.025);
    mixInto(out, color, color, 0, 0.93 + 0.22 * (patina(x, y) - 0.5) + bead + ray + edge);
    return radius - outer;
  });
  return { ...painted, view, color: name };
}
