/** Colours by name, as captions use them. */
import type { Random } from '../../base/random.ts';

export type Color = readonly [number, number, number];

const palette = {
  red: [0.74, 0.17, 0.16],
  orange: [0.88, 0.47, 0.13],
  yellow: [0.88, 0.77, 0.22],
  green: [0.24, 0.52, 0.27],
  blue: [0.2, 0.36, 0.68],
  purple: [0.47, 0.27, 0.58],
  pink: [0.88, 0.56, 0.64],
  brown: [0.46, 0.29, 0.17],
  beige: [0.82, 0.74, 0.6],
  grey: [0.5, 0.51, 0.52],
  white: [0.88, 0.88, 0.86],
  black: [0.17, 0.17, 0.18],
  silver: [0.68, 0.69, 0.71],
  golden: [0.78, 0.62, 0.3],
} satisfies Record<string, Color>;

export type ColorName = keyof typeof palette;

export const colorNames = Object.keys(palette) as ColorName[];

/** One of the colours, varied a little: still what its name says. */
export function pickColor(
  random: Random,
  names: readonly ColorName[] = colorNames,
): { name: ColorName; color: Color } {
  const name = random.pick(names);
  const bright = random.range(0.9, 1.1);
  const [r, g, b] = palette[name].map((value) => value * bright + random.range(-0.025, 0.025)) as [
    number,
    number,
    number,
  ];
  return { name, color: [r, g, b] };
}

/** A quiet colour for what lies behind an object: neutral, light or dark. */
export function backgroundColor(random: Random): Color {
  const tone = random.pick([random.range(0.1, 0.3), random.range(0.4, 0.6), random.range(0.75, 0.95)]);
  return [tone + random.range(-0.05, 0.05), tone, tone + random.range(-0.05, 0.05)];
}
