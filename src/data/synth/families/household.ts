/** Things about the house: biscuit, keypad and label. */
import type { Random } from '../../../base/random.ts';
import {
  type Color,
  coverInto,
  mixed,
  mixInto,
  type Pixel,
  paintObject,
  type Rendering,
  shaded,
} from '../canvas.ts';
import { pickColor } from '../colors.ts';
import { boxDistance, clamp01, smoothstep } from '../maths.ts';
import { fractalNoise, hash, noise } from '../noise.ts';
import type { View } from '../view.ts';
import { bevel, stage } from './stage.ts';

/** A biscuit: a scalloped edge, browner outside, with rows of docking holes. */
export function biscuit(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['brown', 'beige', 'orange', 'golden']);
  const { background, at } = stage(random, view, color);
  const outer = random.range(0.32, 0.4);
  const scallops = 10 + random.int(14);
  const amplitude = random.range(0.008, 0.03);
  const round = random.next() < 0.6;
  const pitch = random.range(0.1, 0.17);
  const hole = pitch * random.range(0.1, 0.18);
  const crumb = fractalNoise(random, random.range(12, 24), 2);
  const baked = random.range(0.1, 0.4);
  const painted = paintObject(at, background, (out, x, y) => {
    const radius = Math.hypot(x, y);
    const along = round ? Math.atan2(y, x) * scallops : (x + y) * scallops * 2.4;
    const wave = amplitude * Math.abs(Math.cos(along / 2));
    const outline = (round ? radius - outer : boxDistance(x, y, outer * 0.92, outer * 0.8, 0.05)) - wave;
    const [u, v] = [x / pitch - Math.round(x / pitch), y / pitch - Math.round(y / pitch)];
    const docking =
      -outline > pitch * 0.6 ? 1 - smoothstep(-0.006, 0.008, Math.hypot(u, v) * pitch - hole) : 0;
    const tone =
      0.98 +
      0.3 * (crumb(x, y) - 0.5) -
      baked * clamp01(1 + outline / 0.1) +
      0.3 * bevel(x, y, -outline, 0.05);
    mixInto(out, color, shaded(color, 0.4), docking, tone);
    return outline;
  });
  return { ...painted, view, color: name };
}

/** A keypad: rounded keys with marks in a frame. Each key is a part. */
export function keypad(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['black', 'white', 'grey', 'beige', 'blue', 'silver']);
  const { background, at } = stage(random, view, color);
  const [columns, rows] = [3 + random.int(2), 3 + random.int(2)];
  const pitch = 0.72 / Math.max(columns, rows);
  const [width, height] = [(columns * pitch) / 2 + 0.04, (rows * pitch) / 2 + 0.04];
  const side = pitch * random.range(0.36, 0.43);
  const corner = side * random.range(0.15, 0.9);
  const dark = name === 'black' || name === 'blue';
  const key: Color =
    random.next() < 0.5 ? shaded(color, dark ? 1.7 : 0.7) : mixed(color, [0.5, 0.5, 0.52], 0.6);
  const ink: Color = dark ? [0.9, 0.9, 0.88] : [0.12, 0.12, 0.14];
  const salt = random.int(256);
  const grain = noise(random, 40);
  const ids = new Int16Array(view.size ** 2).fill(-1);
  const frame = (withKeys: boolean) =>
    paintObject(at, background, (out, x, y, i) => {
      const outline = boxDistance(x, y, width, height, 0.04);
      const [column, row] = [Math.floor(x / pitch + columns / 2), Math.floor(y / pitch + rows / 2)];
      mixInto(out, color, color, 0, 0.95 + 0.1 * (grain(x, y) - 0.5) + 0.35 * bevel(x, y, -outline, 0.03));
      if (column < 0 || column >= columns || row < 0 || row >= rows) return outline;
      const cx = x - (column - columns / 2 + 0.5) * pitch;
      const cy = y - (row - rows / 2 + 0.5) * pitch;
      const edge = boxDistance(cx, cy, side, side, corner);
      const recess = 1 - smoothstep(-0.002, 0.012, edge);
      for (let c = 0; c < 3; c++) out[c]! *= 1 - 0.6 * recess;
      if (!withKeys || edge > 0.006) return outline;
      ids[i] = row * columns + column;
      mixInto(out, key, key, 0, 0.96 + 0.35 * bevel(cx, cy, -edge, 0.025));
      mark(out, cx / side, cy / side, hash(column, row, salt));
      return outline;
    });
  function mark(out: Pixel, u: number, v: number, kind: number) {
    const distance =
      kind < 0.35
        ? Math.abs(Math.hypot(u, v) - 0.32) - 0.1
        : kind < 0.7
          ? boxDistance(u, v, 0.1, 0.42)
          : Math.min(boxDistance(u, v, 0.4, 0.09), boxDistance(u, v, 0.09, 0.4));
    const t = 1 - smoothstep(-0.05, 0.05, distance);
    coverInto(out, ink, t);
  }
  const painted = frame(true);
  return { ...painted, view, color: name, parts: { ids, beneath: frame(false).canvas } };
}

/** A printed label: a band, lines of glyph-like marks and a bar code on a sheet with rounded corners. */
export function label(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['white', 'yellow', 'beige', 'blue', 'red', 'green', 'orange']);
  const { background, at } = stage(random, view, color);
  const [width, height] = [random.range(0.32, 0.42), random.range(0.24, 0.36)];
  const dark = name === 'blue' || name === 'red' || name === 'green';
  const ink: Color = dark ? [0.93, 0.93, 0.9] : [0.1, 0.1, 0.14];
  const band = mixed(color, pickColor(random).color, 0.8);
  const bandTo = -height * random.range(0.3, 0.7);
  const lines = random.range(9, 14);
  const glyphs = random.range(14, 24);
  const barsFrom = height * random.range(0.2, 0.5);
  const salt = random.int(256);
  const fibre = noise(random, 30);
  const printed = (x: number, y: number): number => {
    if (Math.abs(x) > width * 0.86 || Math.abs(y) > height * 0.86 || y < bandTo + 0.03) return 0;
    if (y > barsFrom) return y > barsFrom + 0.02 && hash(Math.floor((x + 1) * 60), 0, salt) < 0.5 ? 1 : 0;
    const [line, glyph] = [Math.floor((y + 1) * lines), Math.floor((x + 1) * glyphs)];
    const [v, u] = [(y + 1) * lines - line, (x + 1) * glyphs - glyph];
    const kind = hash(glyph, line, salt);
    if (kind < 0.2 || v > 0.62 || u > 0.75) return 0;
    return hash(Math.floor(u * 3) + 3 * glyph, Math.floor(v * 4) + 4 * line, salt + 1) < 0.6 ? 1 : 0;
  };
  const painted = paintObject(at, background, (out, x, y) => {
    const outline = boxDistance(x, y, width, height, 0.03);
    const tone = 0.98 + 0.06 * (fibre(x, y) - 0.5) + 0.1 * bevel(x, y, -outline, 0.01);
    mixInto(out, y > -height && y < bandTo ? band : color, ink, 0.85 * printed(x, y), tone);
    return outline;
  });
  return { ...painted, view, color: name };
}
