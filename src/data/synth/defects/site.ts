/** Where a defect comes, and how it changes the picture there. */
import type { Random } from '../../../base/random.ts';
import type { Color, Rendering } from '../canvas.ts';

export interface Site {
  random: Random;
  /** The picture to change: its canvas. */
  rendering: Rendering;
  /** From 0 (subtle: small and faint) to 1 (obvious). */
  severity: number;
  /** The place on the surface or object, in pixels. */
  x: number;
  y: number;
}

/** `least` at severity 0, `most` at 1, varied by a fifth either way. */
export const graded = ({ random, severity }: Site, least: number, most: number): number =>
  (least + (most - least) * severity) * random.range(0.8, 1.2);

/** A place for a defect: on the surface or object, away from the picture's border; null if none is in sight. */
export function findPlace(random: Random, { view, object }: Rendering): { x: number; y: number } | null {
  const { size } = view;
  const at = (x: number, y: number) => object![Math.floor(y) * size + Math.floor(x)]!;
  const near = view.unit * 0.025;
  for (let tries = 0; tries < 200; tries++) {
    const [x, y] = [random.range(0.12, 0.88) * size, random.range(0.12, 0.88) * size];
    if (!object) return { x, y };
    if (Math.min(at(x - near, y), at(x + near, y), at(x, y - near), at(x, y + near)) > 0.99) return { x, y };
  }
  return null;
}

/** The place on the object's outline that is met from the site in a random direction; null without an outline. */
export function findEdge({
  random,
  rendering: { view, object },
  x,
  y,
}: Site): { x: number; y: number } | null {
  if (!object) return null;
  for (let tries = 0; tries < 8; tries++) {
    const angle = random.range(0, 2 * Math.PI);
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
    let [px, py] = [x, y];
    for (;;) {
      px += dx;
      py += dy;
      if (px < 2 || py < 2 || px >= view.size - 2 || py >= view.size - 2) break;
      if (object[Math.floor(py) * view.size + Math.floor(px)]! < 0.5) return { x: px, y: py };
    }
  }
  return null;
}

/**
 * Blends `color` (constant, or of the pixel) over the canvas by `coverage` times `opacity`, on the object only.
 */
export function cover(
  { rendering: { canvas, object } }: Site,
  coverage: Float32Array,
  opacity: number,
  color: Color | ((i: number, at: Color) => Color),
): void {
  const { data } = canvas;
  for (let i = 0; i < coverage.length; i++) {
    const strength = coverage[i]! * opacity * (object ? object[i]! : 1);
    if (strength === 0) continue;
    const target =
      typeof color === 'function' ? color(i, [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!]) : color;
    for (let c = 0; c < 3; c++) data[3 * i + c]! += (target[c]! - data[3 * i + c]!) * strength;
  }
}

/** Mean brightness around the site, to choose a defect's tone against it. */
export function brightness({ rendering: { canvas, view }, x, y }: Site): number {
  const reach = Math.ceil(view.unit * 0.08);
  let [sum, count] = [0, 0];
  for (let row = Math.max(0, Math.floor(y) - reach); row <= Math.min(view.size - 1, y + reach); row++) {
    for (
      let column = Math.max(0, Math.floor(x) - reach);
      column <= Math.min(view.size - 1, x + reach);
      column++
    ) {
      const i = 3 * (row * view.size + column);
      sum += canvas.data[i]! + canvas.data[i + 1]! + canvas.data[i + 2]!;
      count += 3;
    }
  }
  return sum / count;
}

/** A colour of the list that differs from the brightness around the site. */
export function contrasting(site: Site, colors: readonly Color[]): Color {
  const here = brightness(site);
  const far = ([r, g, b]: Color) => Math.abs((r + g + b) / 3 - here);
  const visible = colors.filter((color) => far(color) > 0.22);
  return visible.length > 0
    ? site.random.pick(visible)
    : colors.reduce((best, color) => (far(color) > far(best) ? color : best));
}
