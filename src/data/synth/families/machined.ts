/** Machine parts: gear and hexagonal nut. */
import type { Random } from '../../../base/random.ts';
import { mixInto, paintObject, type Rendering } from '../canvas.ts';
import { type ColorName, pickColor } from '../colors.ts';
import { inSector, modulo, smoothstep } from '../maths.ts';
import { noise } from '../noise.ts';
import type { View } from '../view.ts';
import { bevel, stage } from './stage.ts';

const finishes: readonly ColorName[] = ['silver', 'golden', 'grey', 'black', 'white'];

/** A spur gear seen from its side: teeth, a web with a groove, a bore. Each tooth is a part. */
export function gear(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, finishes);
  const { background, at } = stage(random, view, color);
  const teeth = 9 + random.int(7);
  const root = random.range(0.28, 0.31);
  const height = random.range(0.06, 0.085);
  const bore = root * random.range(0.22, 0.36);
  const groove = root * random.range(0.62, 0.78);
  const grain = noise(random, 50);
  const ids = new Int16Array(view.size ** 2).fill(-1);
  const painted = paintObject(at, background, (out, x, y, i) => {
    const radius = Math.hypot(x, y);
    const turn = (Math.atan2(y, x) / (2 * Math.PI)) * teeth;
    // Trapezoid teeth: steep flanks, flat tops.
    const tooth = smoothstep(-0.25, 0.35, Math.cos(2 * Math.PI * turn));
    const outline = root + height * tooth;
    if (radius > root && radius < outline + 0.02) ids[i] = modulo(Math.round(turn), teeth);
    const flat =
      0.92 + 0.16 * (grain(x, y) - 0.5) - 0.12 * (1 - smoothstep(0, 0.012, Math.abs(radius - groove)));
    const edge = bevel(x, y, outline - radius, 0.03) - bevel(x, y, radius - bore, 0.03);
    mixInto(out, color, color, 0, (radius < groove ? 0.86 : 1) * flat + 0.4 * edge);
    return Math.max((radius - outline) * 0.8, bore - radius);
  });
  return { ...painted, view, color: name, parts: { ids, beneath: background } };
}

/** A hexagonal nut with a chamfered face and a threaded bore. */
export function nut(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, finishes);
  const { background, at } = stage(random, view, color);
  const outer = random.range(0.29, 0.34);
  const bore = outer * random.range(0.48, 0.6);
  const grain = noise(random, 40, 8);
  const painted = paintObject(at, background, (out, x, y) => {
    const radius = Math.hypot(x, y);
    const sector = Math.PI / 3;
    const angle = Math.atan2(y, x);
    const flat = radius * Math.cos(inSector(angle, sector)) - outer;
    const chamfer = smoothstep(outer * 0.99, outer * 1.05, radius) * 0.25;
    const thread = radius < bore * 1.16 ? 0.22 + 0.14 * Math.sin((radius / bore) * 80) : 0;
    const edge = bevel(x, y, -flat, 0.03) - bevel(x, y, radius - bore * 1.16, 0.025);
    mixInto(out, color, color, 0, 0.95 + 0.14 * (grain(x, y) - 0.5) - chamfer - thread + 0.35 * edge);
    return Math.max(flat, bore - radius);
  });
  return { ...painted, view, color: name };
}
