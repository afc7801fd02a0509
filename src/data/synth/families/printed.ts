/** Paper, plain and printed. */
import type { Random } from '../../../base/random.ts';
import { coverInto, mixInto, type Pixel, paint, type Rendering, shaded } from '../canvas.ts';
import { pickColor } from '../colors.ts';
import { modulo, smoothstep } from '../maths.ts';
import { fractalNoise, noise } from '../noise.ts';
import type { View } from '../view.ts';

/** Coloured dots printed in a staggered grid on paper; each dot is a part. */
export function dots(random: Random, view: View): Rendering {
  const columns = random.range(5, 8);
  const rowHeight = Math.sqrt(3) / 2;
  const radius = random.range(0.25, 0.34);
  const first = pickColor(random, ['red', 'orange', 'green', 'blue', 'purple', 'black', 'brown']);
  const second = random.next() < 0.6 ? first : pickColor(random, ['red', 'green', 'blue', 'purple', 'black']);
  const inks = [first.color, second.color];
  const paper = pickColor(random, ['white', 'white', 'beige']).color;
  const shadow = shaded(paper, 0.9);
  const fibre = noise(random, 50);
  const cloud = fractalNoise(random, 5, 2);
  const beneath = paint(view, (out, x, y) => {
    mixInto(out, paper, shadow, cloud(x, y), 0.96 + 0.06 * fibre(x, y));
  });
  const ids = new Int16Array(view.size ** 2).fill(-1);
  const soft = (0.6 * columns) / view.unit;
  const ink: Pixel = [0, 0, 0];
  const canvas = paint(view, (out, u, v, i) => {
    const y = (v * columns) / rowHeight + 64;
    const row = Math.floor(y);
    const x = u * columns + 64 + (row & 1) / 2;
    const column = Math.floor(x);
    const distance = Math.hypot(x - column - 0.5, (y - row - 0.5) * rowHeight);
    const covered = 1 - smoothstep(radius - soft, radius + soft, distance);
    for (let c = 0; c < 3; c++) out[c] = beneath.data[3 * i + c]!;
    if (covered === 0) return;
    ids[i] = modulo(row, 32) * 32 + modulo(column, 32);
    const color = inks[row & 1]!;
    mixInto(ink, color, color, 0, 0.92 + 0.14 * fibre(u, v));
    coverInto(out, ink, covered);
  });
  return { canvas, view, color: first === second ? first.name : null, parts: { ids, beneath } };
}

/** Plain paper: fine grain, faint clouds and scattered fibres in two directions. */
export function paper(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, [
    'white',
    'beige',
    'yellow',
    'pink',
    'blue',
    'green',
    'brown',
    'grey',
  ]);
  const dark = shaded(color, 0.8);
  const grain = noise(random, 64);
  const cloud = fractalNoise(random, 6, 3);
  const fibreA = noise(random, 12, 55);
  const fibreB = noise(random, 55, 12);
  const density = random.range(0.8, 0.92);
  const canvas = paint(view, (out, x, y) => {
    const fibre = smoothstep(density, 1, Math.max(fibreA(x, y), fibreB(x + 0.3 * y, y)));
    mixInto(out, color, dark, 0.5 * cloud(x, y) + 0.3 * grain(x, y) + 0.6 * fibre, 1.06);
  });
  return { canvas, view, color: name };
}
