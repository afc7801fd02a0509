/** Brushed metal and ceramic tiles. */
import type { Random } from '../../random.ts';
import { type Color, mixInto, paint, type Rendering, smoothstep } from '../canvas.ts';
import { fractalNoise, noise } from '../noise.ts';

/** Brushed metal: fine streaks in one direction, under a broad band of reflected light. */
export function metal(random: Random, size: number): Rendering {
  const cool = random.range(-0.015, 0.02);
  const dark: Color = [0.42, 0.44 + cool / 2, 0.46 + cool];
  const light: Color = [0.76, 0.78 + cool / 2, 0.8 + cool];
  const streaks = noise(random, size, 3, size / 1.1);
  const fine = noise(random, size, 14, size);
  const broad = noise(random, size, 1, 9);
  const centre = random.range(0.2, 0.8);
  const width = random.range(0.3, 0.5);
  const lean = random.range(-0.25, 0.25);
  const canvas = paint(size, (out, u, v, i) => {
    const off = (u - centre + lean * (v - 0.5)) / width;
    const band = Math.exp(-off * off);
    const streak = 0.5 * streaks[i]! + 0.3 * fine[i]! + 0.2 * broad[i]!;
    mixInto(out, dark, light, 0.2 + 0.45 * band + 0.75 * (streak - 0.5), 1);
  });
  return { canvas };
}

/** Glazed tiles with bevelled edges on a grid of grout; each tile has its own tint and is a part. */
export function tile(random: Random, size: number): Rendering {
  const count = 3.5 + random.range(-0.3, 0.6);
  const [phaseX, phaseY] = [random.next(), random.next()];
  const hue = random.range(-0.03, 0.03);
  const glaze: Color = [0.42 + hue, 0.66, 0.66 - hue];
  const pale: Color = [0.62 + hue, 0.8, 0.78];
  const grout: Color = [0.78, 0.76, 0.71];
  const glue: Color = [0.5, 0.46, 0.4];
  const tints = Float32Array.from({ length: 64 }, random.next);
  const cloud = fractalNoise(random, size, 4, 3);
  const sand = noise(random, size, size / 1.5);
  const ids = new Int16Array(size * size).fill(-1);
  const joint = 0.045;
  const bevel = 0.07;
  const canvas = paint(size, (out, u, v, i) => {
    const [x, y] = [u * count + phaseX, v * count + phaseY];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [fx, fy] = [x - column, y - row];
    const inset = Math.min(fx, 1 - fx, fy, 1 - fy) - joint;
    if (inset < 0) {
      mixInto(out, grout, grout, 0, 0.8 + 0.2 * sand[i]! + 2 * inset);
      return;
    }
    const id = (row % 8) * 8 + (column % 8);
    ids[i] = id;
    // Light from the upper left: the bevel is bright there and dark on the other two sides.
    const side = Math.min(fx, fy) < Math.min(1 - fx, 1 - fy) ? 1 : -1;
    const edge = (1 - smoothstep(0, bevel, inset)) * side;
    mixInto(out, glaze, pale, 0.25 * tints[id]! + 0.45 * cloud[i]!, 1 + 0.16 * edge);
  });
  const beneath = paint(size, (out, u, _v, i) => {
    const ridges = 0.5 + 0.5 * Math.sin(2 * Math.PI * u * 24);
    mixInto(out, glue, glue, 0, 0.72 + 0.2 * ridges + 0.2 * sand[i]!);
  });
  return { canvas, parts: { ids, beneath } };
}
