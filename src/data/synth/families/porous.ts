/** Foam and wire mesh. */
import type { Random } from '../../../base/random.ts';
import { coverInto, mixInto, paint, type Rendering, shaded } from '../canvas.ts';
import { backgroundColor, pickColor } from '../colors.ts';
import { modulo, smoothstep } from '../maths.ts';
import { cells, fractalNoise, noise } from '../noise.ts';
import type { View } from '../view.ts';

/** Foam: pores of two sizes, dark inside and bright on the rim. */
export function foam(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, [
    'yellow',
    'beige',
    'grey',
    'blue',
    'pink',
    'green',
    'white',
    'orange',
  ]);
  const large = cells(random, random.range(7, 10));
  const small = cells(random, random.range(15, 20));
  const cloud = fractalNoise(random, 4, 2);
  const canvas = paint(view, (out, x, y) => {
    const big = large(x, y);
    const pore = 1 - smoothstep(0.1, 0.16 + 0.32 * big.tone, big.first);
    const little = small(x, y);
    const speck = little.tone > 0.45 ? 1 - smoothstep(0.1, 0.42, little.first) : 0;
    const rim = smoothstep(0.1, 0.5, big.first) * 0.12;
    const tone = 0.95 + rim - 0.6 * pore - 0.3 * speck * (1 - pore) + 0.25 * (cloud(x, y) - 0.5);
    mixInto(out, color, color, 0, tone);
  });
  return { canvas, view, color: name };
}

/** A square mesh of round wires, crossing over and under; a part is the piece of wire between two crossings. */
export function mesh(random: Random, view: View): Rendering {
  const count = random.range(4.5, 8);
  const { name, color } = pickColor(random, ['silver', 'grey', 'golden', 'green', 'white', 'black', 'blue']);
  const dark = name === 'black' || name === 'blue' || name === 'green';
  const behind = shaded(backgroundColor(random), 0.25);
  const back = dark ? ([behind[0] + 0.72, behind[1] + 0.72, behind[2] + 0.7] as const) : behind;
  const half = random.range(0.11, 0.17);
  const cloud = fractalNoise(random, 3, 2);
  const shine = noise(random, 30);
  const beneath = paint(view, (out, x, y) => mixInto(out, back, back, 0, 0.8 + 0.4 * cloud(x, y)));
  const ids = new Int16Array(view.size ** 2).fill(-1);
  const soft = (0.5 * count) / view.unit;
  const canvas = paint(view, (out, u, v, i) => {
    const [x, y] = [u * count + 64.5, v * count + 64.5];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [fx, fy] = [x - column - 0.5, y - row - 0.5];
    // Wires run through the middle of the cells; the upper one at the crossing hides the other.
    const upright = ((column + row) & 1) === 0 ? Math.abs(fx) < half + soft : Math.abs(fy) >= half + soft;
    const across = upright ? fx : fy;
    for (let c = 0; c < 3; c++) out[c] = beneath.data[3 * i + c]!;
    const covered = 1 - smoothstep(half - soft, half + soft, Math.abs(across));
    if (covered === 0) return;
    const along = upright ? fy : fx;
    const crossing = Math.abs(along) < half + soft;
    if (!crossing) {
      const [from, to] = upright ? [column, Math.floor(y + 0.5)] : [Math.floor(x + 0.5), row];
      ids[i] = (modulo(to, 64) * 64 + modulo(from, 64)) * 2 + (upright ? 1 : 0);
    }
    const round = Math.sqrt(Math.max(0, 1 - (across / (half + soft)) ** 2));
    const tone = (0.45 + 0.65 * round - 0.25 * (across / half)) * (0.88 + 0.24 * shine(u, v));
    coverInto(out, color, covered, tone);
  });
  return { canvas, view, color: name, parts: { ids, beneath } };
}
