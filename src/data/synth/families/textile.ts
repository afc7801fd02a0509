/** Woven cloth, knitted wool and leather. */
import type { Random } from '../../../base/random.ts';
import { mixed, mixInto, paint, type Rendering, shaded } from '../canvas.ts';
import { pickColor } from '../colors.ts';
import { fraction, smoothstep } from '../maths.ts';
import { cells, fractalNoise, hash, noise } from '../noise.ts';
import type { View } from '../view.ts';

/** Plain weave: warp and weft yarns of two tones, over and under in turn, each round and slightly uneven. */
export function weave(random: Random, view: View): Rendering {
  const yarns = random.range(9, 15);
  const { name, color } = pickColor(random);
  const other = pickColor(random, ['beige', 'white', 'grey', 'black']).color;
  // The colour's name holds for the whole cloth: the other yarn is a tint of it, or a neutral colour.
  const weft = random.next() < 0.5 ? mixed(color, other, random.range(0.2, 0.7)) : shaded(color, 0.75);
  const salt = random.int(256);
  const wear = fractalNoise(random, 3, 3);
  const fibre = noise(random, 60);
  const canvas = paint(view, (out, u, v) => {
    const [x, y] = [u * yarns, v * yarns];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const over = ((column + row) & 1) === 0;
    const across = over ? x - column : y - row;
    const along = over ? y - row : x - column;
    const roundness = 0.35 + 0.65 * Math.sqrt(Math.sin(Math.PI * across));
    const bulge = 0.72 + 0.28 * Math.sin(Math.PI * along);
    const uneven = 0.88 + 0.2 * hash(over ? column : row, over ? 7 : 13, salt);
    const yarn = over ? color : weft;
    mixInto(
      out,
      yarn,
      yarn,
      0,
      1.2 * roundness * bulge * uneven * (0.82 + 0.2 * wear(u, v) + 0.16 * fibre(u, v)),
    );
  });
  return { canvas, view, color: name };
}

/** Stockinette: columns of V-shaped stitches. */
export function knit(random: Random, view: View): Rendering {
  const columns = random.range(6, 9);
  const rows = columns * random.range(1.1, 1.4);
  const { name, color } = pickColor(random);
  const fuzz = noise(random, 45);
  const wear = fractalNoise(random, 4, 2);
  const canvas = paint(view, (out, u, v) => {
    const x = fraction(u * columns + 64) - 0.5;
    // Each stitch leans outwards from the middle of its column.
    const y = fraction(v * rows + 1.1 * Math.abs(x) + 64) - 0.5;
    const side = Math.abs(x) - 0.26;
    const strand = 1 - (side / 0.26) ** 2 * 0.55 - (y / 0.5) ** 2 * 0.6;
    mixInto(
      out,
      color,
      color,
      0,
      (0.35 + 0.75 * Math.max(0, strand)) * (0.8 + 0.25 * fuzz(u, v) + 0.2 * wear(u, v)),
    );
  });
  return { canvas, view, color: name };
}

/** Leather: irregular cells parted by dark creases, with broad mottling. */
export function leather(random: Random, view: View): Rendering {
  const grain = cells(random, random.range(11, 16));
  const { name, color } = pickColor(random, ['brown', 'black', 'red', 'beige', 'orange', 'green']);
  const dark = shaded(color, 0.72);
  const light = shaded(color, 1.25);
  const mottle = fractalNoise(random, 3, 4);
  const canvas = paint(view, (out, u, v) => {
    const { first, second, tone } = grain(u, v);
    const crease = smoothstep(0, 0.3, second - first);
    mixInto(out, dark, light, mottle(u, v), (0.6 + 0.42 * crease) * (0.93 + 0.14 * tone));
  });
  return { canvas, view, color: name };
}
