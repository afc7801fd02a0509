/** Woven cloth and leather. */
import type { Random } from '../../random.ts';
import { type Color, mixInto, paint, type Rendering, smoothstep } from '../canvas.ts';
import { fractalNoise, noise } from '../noise.ts';

/** Plain weave: warp and weft yarns of two tones, over and under in turn, each round and slightly uneven. */
export function weave(random: Random, size: number): Rendering {
  const yarns = 12 + random.int(3);
  const angle = random.range(-0.06, 0.06);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [phaseX, phaseY] = [random.next() * 2, random.next() * 2];
  const warmth = random.range(-0.03, 0.03);
  const warp: Color = [0.3 + warmth, 0.4, 0.58 - warmth];
  const weft: Color = [0.76 + warmth, 0.74, 0.68 - warmth];
  const uneven = Float32Array.from({ length: 64 }, () => random.range(0.86, 1.06));
  const wear = fractalNoise(random, size, 3, 3);
  const fibre = noise(random, size, size / 1.5);
  const canvas = paint(size, (out, u, v, i) => {
    const x = (u * cos - v * sin) * yarns + phaseX + 4;
    const y = (u * sin + v * cos) * yarns + phaseY + 4;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [across, along] = (column + row) % 2 === 0 ? [x - column, y - row] : [y - row, x - column];
    const over = (column + row) % 2 === 0;
    const roundness = Math.sin(Math.PI * across) ** 0.7;
    const bulge = 0.72 + 0.28 * Math.sin(Math.PI * along);
    const shade = (0.35 + 0.65 * roundness) * bulge * uneven[(over ? column : row + 31) % 64]!;
    mixInto(out, over ? warp : weft, warp, 0, shade * (0.82 + 0.2 * wear[i]! + 0.16 * fibre[i]!));
  });
  return { canvas };
}

/** Leather: irregular cells (Voronoi) parted by dark creases, with broad mottling. */
export function leather(random: Random, size: number): Rendering {
  const cells = 14 + random.int(3);
  const width = cells + 2;
  const points = Float32Array.from({ length: 2 * width * width }, () => random.range(0.1, 0.9));
  const tone = Float32Array.from({ length: width * width }, () => random.range(0.92, 1.06));
  const warmth = random.range(-0.03, 0.03);
  const dark: Color = [0.36 + warmth, 0.17, 0.1];
  const light: Color = [0.62 + warmth, 0.34 + warmth / 2, 0.2];
  const mottle = fractalNoise(random, size, 3, 4);
  const canvas = paint(size, (out, u, v, i) => {
    const [x, y] = [u * cells + 1, v * cells + 1];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    let nearest = 9;
    let second = 9;
    let owner = 0;
    for (let r = row - 1; r <= row + 1; r++) {
      for (let c = column - 1; c <= column + 1; c++) {
        const k = r * width + c;
        const dx = c + points[2 * k]! - x;
        const dy = r + points[2 * k + 1]! - y;
        const distance = dx * dx + dy * dy;
        if (distance < nearest) {
          second = nearest;
          nearest = distance;
          owner = k;
        } else if (distance < second) second = distance;
      }
    }
    const crease = smoothstep(0, 0.3, Math.sqrt(second) - Math.sqrt(nearest));
    mixInto(out, dark, light, mottle[i]!, (0.55 + 0.45 * crease) * tone[owner]!);
  });
  return { canvas };
}
