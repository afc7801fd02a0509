/** Brushed metal, ceramic tiles and bricks. */
import type { Random } from '../../../base/random.ts';
import { coverInto, mixed, mixInto, paint, type Rendering, shaded } from '../canvas.ts';
import { pickColor } from '../colors.ts';
import { modulo, smoothstep } from '../maths.ts';
import { fractalNoise, hash, noise } from '../noise.ts';
import type { View } from '../view.ts';

/** Brushed metal: fine streaks in one direction, under a broad band of reflected light. */
export function metal(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['silver', 'grey', 'golden', 'orange']);
  const dark = shaded(color, 0.62);
  const light = shaded(color, 1.2);
  const streaks = noise(random, 3, 70);
  const fine = noise(random, 14, 90);
  const broad = noise(random, 1, 9);
  const centre = random.range(-0.4, 0.4);
  const width = random.range(0.3, 0.6);
  const lean = random.range(-0.4, 0.4);
  const canvas = paint(view, (out, u, v) => {
    const off = (u - centre + lean * v) / width;
    const band = Math.exp(-off * off);
    const streak = 0.5 * streaks(u, v) + 0.3 * fine(u, v) + 0.2 * broad(u, v);
    mixInto(out, dark, light, 0.25 + 0.4 * band + 0.8 * (streak - 0.5), 1);
  });
  return { canvas, view, color: name };
}

/** Glazed tiles with bevelled edges on a grid of grout; each tile has its own tint and is a part. */
export function tile(random: Random, view: View): Rendering {
  const count = random.range(2.8, 4.5);
  const { name, color } = pickColor(random, ['blue', 'green', 'white', 'beige', 'grey', 'red', 'black']);
  const pale = mixed(color, [1, 1, 1], 0.3);
  const grout = shaded([0.8, 0.78, 0.73], name === 'white' || name === 'beige' ? 0.6 : 1);
  const glue = [0.5, 0.46, 0.4] as const;
  const salt = random.int(256);
  const cloud = fractalNoise(random, 4, 3);
  const sand = noise(random, 60);
  const ids = new Int16Array(view.size ** 2).fill(-1);
  const canvas = paint(view, (out, u, v, i) => {
    const [x, y] = [u * count + 64.3, v * count + 64.3];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [fx, fy] = [x - column, y - row];
    const inset = Math.min(fx, 1 - fx, fy, 1 - fy) - 0.045;
    if (inset < 0) {
      mixInto(out, grout, grout, 0, 0.8 + 0.2 * sand(u, v) + 2 * inset);
      return;
    }
    ids[i] = (row % 16) * 16 + (column % 16);
    // Light from the upper left: the bevel is bright there and dark on the other two sides.
    const side = Math.min(fx, fy) < Math.min(1 - fx, 1 - fy) ? 1 : -1;
    const edge = (1 - smoothstep(0, 0.07, inset)) * side;
    mixInto(out, color, pale, 0.25 * hash(column, row, salt) + 0.5 * cloud(u, v), 1 + 0.16 * edge);
  });
  const beneath = paint(view, (out, u, v) => {
    const ridges = 0.5 + 0.5 * Math.sin(2 * Math.PI * u * 24);
    mixInto(out, glue, glue, 0, 0.72 + 0.2 * ridges + 0.2 * sand(u, v));
  });
  return { canvas, view, color: name, parts: { ids, beneath } };
}

/** Running bond: rough bricks, every other row moved by half a brick, in mortar. */
export function brick(random: Random, view: View): Rendering {
  const rows = random.range(5, 8);
  const { name, color } = pickColor(random, ['red', 'brown', 'orange', 'beige', 'grey']);
  const mortar = mixed([0.75, 0.73, 0.69], color, 0.15);
  const salt = random.int(256);
  const rough = fractalNoise(random, 14, 3);
  const grit = noise(random, 60);
  const ids = new Int16Array(view.size ** 2).fill(-1);
  const canvas = paint(view, (out, u, v, i) => {
    const y = v * rows + 64;
    const row = Math.floor(y);
    const x = (u * rows) / 2.2 + 64 + (row & 1) / 2;
    const column = Math.floor(x);
    const [fx, fy] = [x - column, y - row];
    const roughness = rough(u, v);
    const inset = Math.min(fx * 2.2, (1 - fx) * 2.2, fy, 1 - fy) - 0.07 - 0.08 * (roughness - 0.5);
    const body = smoothstep(0, 0.07, inset);
    if (inset > 0) ids[i] = modulo(row, 16) * 16 + modulo(column, 16);
    const tone = (0.75 + 0.35 * hash(column, row, salt)) * (0.7 + 0.6 * roughness);
    mixInto(out, mortar, mortar, 0, 0.8 + 0.25 * grit(u, v));
    coverInto(out, color, body, tone);
  });
  const beneath = paint(view, (out, u, v) => {
    mixInto(out, mortar, mortar, 0, 0.3 + 0.3 * rough(u, v) + 0.1 * grit(u, v));
  });
  return { canvas, view, color: name, parts: { ids, beneath } };
}
