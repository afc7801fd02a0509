/** Round things: washer, bottle cap, button. */
import type { Random } from '../../../base/random.ts';
import { mixed, mixInto, paintObject, type Rendering, shaded } from '../canvas.ts';
import { pickColor } from '../colors.ts';
import { smoothstep } from '../maths.ts';
import { noise } from '../noise.ts';
import type { View } from '../view.ts';
import { bevel, stage } from './stage.ts';

/** A flat ring with bevelled edges, turned: fine circles on its face. */
export function washer(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['silver', 'golden', 'grey', 'black', 'red', 'orange', 'blue']);
  const { background, at } = stage(random, view, color);
  const outer = random.range(0.33, 0.39);
  const inner = outer * random.range(0.35, 0.55);
  const grooves = noise(random, 90, 1);
  const shine = random.range(0, 0.35);
  const painted = paintObject(at, background, (out, x, y) => {
    const radius = Math.hypot(x, y);
    const depth = Math.min(outer - radius, radius - inner);
    const sheen = shine * ((x * x - y * y) / (radius * radius + 1e-6));
    const edge = bevel(x, y, outer - radius, 0.03) - bevel(x, y, radius - inner, 0.03);
    mixInto(out, color, color, 0, 0.94 + 0.14 * (grooves(radius, 0) - 0.5) + sheen + 0.4 * edge);
    return -depth;
  });
  return { ...painted, view, color: name };
}

/** A crown cap: a crimped skirt around a flat top with a printed ring and a star. */
export function cap(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['red', 'blue', 'green', 'golden', 'white', 'black', 'orange']);
  const { background, at } = stage(random, view, color);
  const outer = random.range(0.35, 0.4);
  const face = outer * 0.78;
  const ink = name === 'white' || name === 'golden' ? shaded(color, 0.35) : mixed(color, [1, 1, 0.95], 0.8);
  const points = 4 + random.int(4);
  const ring = face * random.range(0.72, 0.82);
  const dirt = noise(random, 9);
  const painted = paintObject(at, background, (out, x, y) => {
    const radius = Math.hypot(x, y);
    const angle = Math.atan2(y, x);
    const crimp = Math.cos(21 * angle);
    const outline = outer * (1 + 0.035 * crimp);
    const skirt = smoothstep(face - 0.012, face + 0.012, radius);
    const tone =
      0.96 +
      0.1 * (dirt(x, y) - 0.5) +
      skirt * (0.26 * crimp - 0.14) +
      0.3 * bevel(x, y, outline - radius, 0.06);
    const star = ring * (0.52 + 0.2 * Math.cos(points * angle));
    const print = Math.max(
      1 - smoothstep(0.006, 0.014, Math.abs(radius - ring) - 0.004),
      1 - smoothstep(-0.008, 0.008, radius - star),
    );
    mixInto(out, color, ink, print, tone);
    return radius - outline;
  });
  return { ...painted, view, color: name };
}

/** A button: a dished disc with a raised rim and four holes. */
export function button(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random);
  const { background, at } = stage(random, view, color);
  const outer = random.range(0.33, 0.39);
  const spread = outer * random.range(0.2, 0.26);
  const hole = outer * random.range(0.08, 0.11);
  const mottle = noise(random, 6);
  const painted = paintObject(at, background, (out, x, y) => {
    const radius = Math.hypot(x, y);
    const holes = Math.hypot(Math.abs(x) - spread, Math.abs(y) - spread) - hole;
    const dish = outer * 0.72 - radius;
    const tone =
      0.95 +
      0.12 * (mottle(x, y) - 0.5) +
      0.4 * bevel(x, y, outer - radius, 0.05) -
      0.35 * bevel(x, y, Math.abs(dish), 0.035);
    const rim = 1 - 0.35 * (1 - smoothstep(0, 0.02, holes));
    mixInto(out, color, color, 0, tone * rim);
    return Math.max(radius - outer, -holes);
  });
  return { ...painted, view, color: name };
}
