/** Wood and marble. */
import type { Random } from '../../../base/random.ts';
import { coverInto, mixInto, paint, type Rendering, shaded } from '../canvas.ts';
import { pickColor } from '../colors.ts';
import { fraction } from '../maths.ts';
import { fractalNoise, noise } from '../noise.ts';
import type { View } from '../view.ts';

/** Wood grain: growth rings cut lengthwise, wavy, with fine fibres along them. */
export function wood(random: Random, view: View): Rendering {
  const rings = random.range(5, 9);
  const { name, color } = pickColor(random, ['brown', 'beige', 'orange', 'grey']);
  const early = shaded(color, 1.25);
  const late = shaded(color, random.range(0.55, 0.7));
  const bend = noise(random, 2, 1.5);
  const wave = noise(random, 7, 2);
  const fibre = noise(random, 70, 5);
  const pores = noise(random, 60, 12);
  const canvas = paint(view, (out, u, v) => {
    const t = fraction(u * rings + 3.2 * bend(u, v) + 0.5 * wave(u, v) + 64);
    // The dark late wood ends abruptly; soften that edge over a twelfth of a ring.
    const ring = t * t * Math.min(1, (1 - t) * 12);
    const pore = pores(u, v) > 0.86 ? 0.88 : 1;
    mixInto(out, early, late, ring, (0.88 + 0.2 * fibre(u, v)) * pore);
  });
  return { canvas, view, color: name };
}

/** Marble: clouds with thin veins where a warped field crosses zero. */
export function marble(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['white', 'grey', 'black', 'beige', 'green', 'pink']);
  const dark = name === 'black';
  const cloudy = shaded(color, dark ? 1.7 : 0.8);
  const vein = shaded(color, dark ? 4 : 0.5);
  const cloud = fractalNoise(random, 3, 3);
  const course = fractalNoise(random, 2.5, 4);
  const fine = fractalNoise(random, 5, 3);
  const fineness = random.range(0.3, 0.7);
  const canvas = paint(view, (out, u, v) => {
    const c = cloud(u, v);
    mixInto(out, color, cloudy, c, 1);
    const broad = Math.max(0, 1 - Math.abs(course(u, v) - 0.5) / 0.035);
    const thin = fineness * Math.max(0, 1 - Math.abs(fine(u, v) - 0.55) / 0.03);
    const t = Math.min(1, Math.max(broad, thin)) * (0.35 + 0.5 * c);
    coverInto(out, vein, t);
  });
  return { canvas, view, color: name };
}
