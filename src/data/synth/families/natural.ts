/** Wood. */
import type { Random } from '../../random.ts';
import { type Color, mixInto, paint, type Rendering } from '../canvas.ts';
import { noise } from '../noise.ts';

/** Wood grain: growth rings cut lengthwise, wavy, with fine fibres along them. */
export function wood(random: Random, size: number): Rendering {
  const rings = random.range(6, 8.5);
  const phase = random.next();
  const lean = random.range(-0.5, 0.5);
  const warmth = random.range(-0.03, 0.03);
  const early: Color = [0.8 + warmth, 0.6, 0.38 - warmth];
  const late: Color = [0.5 + warmth, 0.3, 0.15];
  const bend = noise(random, size, 2, 1.5);
  const wave = noise(random, size, 7, 2);
  const fibre = noise(random, size, size / 1.3, 5);
  const pores = noise(random, size, size / 1.6, 12);
  const canvas = paint(size, (out, u, v, i) => {
    const t = u * rings + lean * v + 3.2 * bend[i]! + 0.5 * wave[i]! + phase;
    const ring = (t - Math.floor(t)) ** 2.2;
    // The dark late wood ends abruptly; soften that edge over a twelfth of a ring.
    const edge = Math.min(1, (1 - (t - Math.floor(t))) * 12);
    const pore = pores[i]! > 0.86 ? 0.88 : 1;
    mixInto(out, early, late, ring * edge, (0.88 + 0.2 * fibre[i]!) * pore);
  });
  return { canvas };
}
