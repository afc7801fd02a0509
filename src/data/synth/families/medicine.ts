/** Tablet and capsule. */
import type { Random } from '../../../base/random.ts';
import { mixInto, paintObject, type Rendering, shaded } from '../canvas.ts';
import { pickColor } from '../colors.ts';
import { smoothstep } from '../maths.ts';
import { noise } from '../noise.ts';
import type { View } from '../view.ts';
import { bevel, stage } from './stage.ts';

/** A pressed tablet, round or oval, with a scored line and a rounded edge. */
export function tablet(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['white', 'pink', 'yellow', 'blue', 'green', 'orange', 'beige']);
  const { background, at } = stage(random, view, color);
  const radius = random.range(0.31, 0.36);
  const oval = random.pick([1, 1, 1.35]);
  const powder = noise(random, 55);
  const score = random.range(0.012, 0.018);
  const cross = random.next() < 0.3;
  const painted = paintObject(at, background, (out, x, y) => {
    const distance = Math.hypot(x, y * oval);
    const line = Math.min(Math.abs(x), cross ? Math.abs(y) : 1);
    const cut = 0.4 * (1 - smoothstep(0, score, line));
    const flank = bevel(x, y, radius - distance, 0.09);
    mixInto(out, color, color, 0, 0.95 + 0.1 * (powder(x, y) - 0.5) - cut + 0.28 * flank);
    return distance - radius;
  });
  return { ...painted, view, color: name };
}

/** A capsule of two halves, one of them of the named colour, with a bright reflection along it. */
export function capsule(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['red', 'blue', 'green', 'orange', 'yellow', 'purple', 'brown']);
  const { background, at } = stage(random, view, color);
  const other = random.next() < 0.6 ? ([0.9, 0.89, 0.85] as const) : shaded(color, 0.6);
  const half = random.range(0.2, 0.24);
  const radius = random.range(0.14, 0.17);
  const gleam = random.range(0.35, 0.55);
  const painted = paintObject(at, background, (out, x, y) => {
    const along = Math.max(0, Math.abs(x) - half);
    const distance = Math.hypot(along, y) - radius;
    const across = y / radius;
    const round = Math.sqrt(Math.max(0, 1 - across * across));
    // The cap is a little wider than the body: a dark line where it ends.
    const seam = 0.3 * (1 - smoothstep(0, 0.014, Math.abs(x)));
    mixInto(out, x > 0 ? color : other, color, 0, 0.55 + 0.5 * round - 0.15 * across - seam);
    const light = gleam * Math.exp(-(((across + 0.4) / 0.14) ** 2)) * smoothstep(0, 0.05, -distance);
    for (let c = 0; c < 3; c++) out[c]! += (1 - out[c]!) * light;
    return distance;
  });
  return { ...painted, view, color: name };
}
