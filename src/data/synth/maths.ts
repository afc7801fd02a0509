/** Small functions that shapes and shades are made of. */

export const clamp01 = (x: number): number => Math.min(1, Math.max(0, x));

/** 0 below `low`, 1 above `high`, smooth between. */
export function smoothstep(low: number, high: number, x: number): number {
  const t = clamp01((x - low) / (high - low));
  return t * t * (3 - 2 * t);
}

/** x - floor(x). */
export const fraction = (x: number): number => x - Math.floor(x);

/** Remainder that is never negative, of integers. */
export const modulo = (n: number, m: number): number => ((n % m) + m) % m;

/** An angle as seen from the middle of its sector, of those that are `sector` wide. */
export const inSector = (angle: number, sector: number): number =>
  angle - Math.round(angle / sector) * sector;

/** Signed distance to a box of half sides (w, h) with corners of radius r, around the origin. */
// biome-ignore lint/complexity/useMaxParams: called for every pixel, no object is made for each
export function boxDistance(x: number, y: number, w: number, h: number, r = 0): number {
  const [dx, dy] = [Math.abs(x) - w + r, Math.abs(y) - h + r];
  const outside = Math.sqrt(Math.max(dx, 0) ** 2 + Math.max(dy, 0) ** 2);
  return outside + Math.min(Math.max(dx, dy), 0) - r;
}
