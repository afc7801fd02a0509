/** Where objects lie: a quiet background, and a place and turn of their own. */
import type { Random } from '../../../base/random.ts';
import { type Canvas, type Color, mixInto, paint } from '../canvas.ts';
import { backgroundColor } from '../colors.ts';
import { fractalNoise } from '../noise.ts';
import { posed, type View } from '../view.ts';

const luminance = ([r, g, b]: Color): number => 0.3 * r + 0.6 * g + 0.1 * b;

/** A background from which an object of `color` stands out, and the object's view. */
export function stage(random: Random, view: View, color: Color): { background: Canvas; at: View } {
  let tone = backgroundColor(random);
  for (let tries = 0; tries < 20 && Math.abs(luminance(tone) - luminance(color)) < 0.22; tries++) {
    tone = backgroundColor(random);
  }
  const cloud = fractalNoise(random, random.range(2, 12), 2);
  const uneven = random.range(0.05, 0.25);
  const background = paint(view, (out, x, y) =>
    mixInto(out, tone, tone, 0, 1 + uneven * (cloud(x, y) - 0.5)),
  );
  const at = posed(view, {
    angle: random.range(0, 2 * Math.PI),
    scale: random.range(0.85, 1.15),
    dx: random.range(-0.06, 0.06),
    dy: random.range(-0.06, 0.06),
  });
  return { background, at };
}

/** Brightness of a rounded edge: light from the upper left of the object, `depth` inside its outline. */
export function bevel(x: number, y: number, depth: number, width: number): number {
  if (depth > width) return 0;
  const facing = (-x - y) / (Math.hypot(x, y) * Math.SQRT2 || 1);
  return facing * (1 - Math.max(0, depth) / width);
}
