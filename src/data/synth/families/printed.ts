/** Printed paper. */
import type { Random } from '../../random.ts';
import { type Color, mixInto, paint, type Rendering, smoothstep } from '../canvas.ts';
import { fractalNoise, noise } from '../noise.ts';

/** Coloured dots printed in a staggered grid on paper; each dot is a part. */
export function dots(random: Random, size: number): Rendering {
  const columns = 7;
  const rowHeight = Math.sqrt(3) / 2;
  const [phaseX, phaseY] = [random.next(), random.next()];
  const radius = random.range(0.27, 0.31);
  const tint = random.range(-0.03, 0.03);
  const paper: Color = [0.93 + tint / 2, 0.91, 0.85 - tint / 2];
  const shadow: Color = [0.84, 0.82, 0.77];
  const inks: readonly Color[] = [
    [0.82 + tint, 0.3, 0.24],
    [0.2, 0.42 + tint, 0.6],
  ];
  const fibre = noise(random, size, size / 2);
  const cloud = fractalNoise(random, size, 5, 3);
  const ids = new Int16Array(size * size).fill(-1);
  const beneath = paint(size, (out, _u, _v, i) => {
    mixInto(out, paper, shadow, 0.6 * cloud[i]!, 0.95 + 0.06 * fibre[i]!);
  });
  const soft = (0.6 * columns) / size;
  const mixed: [number, number, number] = [0, 0, 0];
  const canvas = paint(size, (out, u, v, i) => {
    const y = (v * columns) / rowHeight + phaseY;
    const row = Math.floor(y);
    const x = u * columns + phaseX + (row % 2) / 2;
    const column = Math.floor(x);
    const distance = Math.hypot(x - column - 0.5, (y - row - 0.5) * rowHeight);
    const ink = 1 - smoothstep(radius - soft, radius + soft, distance);
    for (let c = 0; c < 3; c++) out[c] = beneath.data[3 * i + c]!;
    if (ink === 0) return;
    ids[i] = row * 16 + column;
    mixInto(mixed, inks[row % 2]!, paper, 0, 0.9 + 0.14 * fibre[i]!);
    mixInto(out, [out[0], out[1], out[2]], mixed, ink, 1);
  });
  return { canvas, parts: { ids, beneath } };
}
