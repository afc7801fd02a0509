/** Defects that are areas: hole, stain, dent, missing part. */
import type { Random } from '../../random.ts';
import { type Color, clamp01, type Rendering } from '../canvas.ts';
import { blob, cover } from './coverage.ts';

/** A dark hole with a rim that catches the light on one side. */
export function hole(random: Random, { canvas }: Rendering): Uint8Array {
  const { size } = canvas;
  const { coverage, depth } = blob(random, size, random.range(0.06, 0.12), 0.9);
  const light = random.range(0, 2 * Math.PI);
  const [lx, ly] = [Math.cos(light), Math.sin(light)];
  return cover(canvas, coverage, 1, (i, at) => {
    // The gradient of depth points inwards: a rim that faces the light is bright.
    const gx = (depth[i + 1] ?? 0) - (depth[i - 1] ?? 0);
    const gy = (depth[i + size] ?? 0) - (depth[i - size] ?? 0);
    const facing = (gx * lx + gy * ly) / (Math.hypot(gx, gy) || 1);
    const rim = Math.max(0, 1 - depth[i]! * 2.6);
    const tone = 0.18 + rim * (0.35 + 0.75 * facing);
    return [at[0] * tone, at[1] * tone, at[2] * tone];
  });
}

const stainColors: readonly Color[] = [
  [0.5, 0.36, 0.2],
  [0.28, 0.3, 0.34],
  [0.55, 0.25, 0.3],
  [0.3, 0.42, 0.28],
];

/** A soaked patch: the surface shows through, darker, with a darker edge as a dried drop leaves. */
export function stain(random: Random, { canvas }: Rendering): Uint8Array {
  const { coverage, depth } = blob(random, canvas.size, random.range(0.12, 0.2), 1.1);
  const color = random.pick(stainColors);
  const strength = random.range(0.55, 0.85);
  return cover(canvas, coverage, strength, (i, at) => {
    const edge = 1 - 0.3 * Math.max(0, 1 - depth[i]! * 6);
    return [at[0] * color[0] * edge * 1.25, at[1] * color[1] * edge * 1.25, at[2] * color[2] * edge * 1.25];
  });
}

/** A hollow: the surface unchanged but for the light, bright on one slope and dark on the other. */
export function dent(random: Random, { canvas }: Rendering): Uint8Array {
  const { size } = canvas;
  const { coverage, depth } = blob(random, size, random.range(0.1, 0.16), 0.3);
  const light = random.range(0, 2 * Math.PI);
  const [lx, ly] = [Math.cos(light), Math.sin(light)];
  return cover(canvas, coverage, 1, (i, at) => {
    const gx = (depth[i + 1] ?? 0) - (depth[i - 1] ?? 0);
    const gy = (depth[i + size] ?? 0) - (depth[i - size] ?? 0);
    const facing = (gx * lx + gy * ly) / (Math.hypot(gx, gy) || 1);
    // Flat in the middle, steepest half-way down.
    const slope = Math.sin(Math.PI * clamp01(depth[i]! * 0.8 + 0.15));
    const tone = 0.9 + 0.55 * facing * slope;
    return [at[0] * tone, at[1] * tone, at[2] * tone];
  });
}

/** A part of the surface (dot, tile) that is not there. Needs a surface that is made of parts. */
export function missing(random: Random, { canvas, parts }: Rendering): Uint8Array {
  if (!parts) throw new Error('defect "missing" needs a surface with parts');
  const areas = new Map<number, number>();
  for (const id of parts.ids) if (id >= 0) areas.set(id, (areas.get(id) ?? 0) + 1);
  const largest = Math.max(...areas.values());
  // A part cut off by the image's border would hardly be noticed.
  const whole = [...areas.keys()].filter((id) => areas.get(id)! > 0.8 * largest);
  const chosen = random.pick(whole);
  const coverage = Float32Array.from(parts.ids, (id) => (id === chosen ? 1 : 0));
  const { data } = parts.beneath;
  return cover(canvas, coverage, 1, (i) => [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!]);
}
