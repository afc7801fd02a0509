import type { Random } from '../random.ts';

/**
 * Value noise in [0, 1], size * size: random values on a lattice of cellsX by cellsY cells, joined smoothly.
 * Unequal cells stretch it (brushed metal, wood fibres).
 */
export function noise(random: Random, size: number, cellsX: number, cellsY = cellsX): Float32Array {
  const columns = Math.ceil(cellsX) + 2;
  const rows = Math.ceil(cellsY) + 2;
  const lattice = Float32Array.from({ length: columns * rows }, random.next);
  const [phaseX, phaseY] = [random.next(), random.next()];
  const cellX = new Int32Array(size);
  const weightX = new Float32Array(size);
  for (let x = 0; x < size; x++) {
    const at = (x / size) * cellsX + phaseX;
    cellX[x] = Math.floor(at);
    weightX[x] = fade(at - Math.floor(at));
  }
  const out = new Float32Array(size * size);
  for (let y = 0, i = 0; y < size; y++) {
    const at = (y / size) * cellsY + phaseY;
    const row = Math.floor(at) * columns;
    const t = fade(at - Math.floor(at));
    for (let x = 0; x < size; x++, i++) {
      const k = row + cellX[x]!;
      const s = weightX[x]!;
      const top = lattice[k]! + (lattice[k + 1]! - lattice[k]!) * s;
      const below = k + columns;
      const bottom = lattice[below]! + (lattice[below + 1]! - lattice[below]!) * s;
      out[i] = top + (bottom - top) * t;
    }
  }
  return out;
}

const fade = (t: number): number => t * t * (3 - 2 * t);

/** Fractal noise in [0, 1]: octaves of {@link noise}, each twice as fine and half as strong. */
export function fractalNoise(random: Random, size: number, cells: number, octaves: number): Float32Array {
  const out = new Float32Array(size * size);
  const total = 2 - 2 ** (1 - octaves);
  for (let octave = 0; octave < octaves; octave++) {
    const layer = noise(random, size, Math.min(size, cells * 2 ** octave));
    const weight = 2 ** -octave / total;
    for (let i = 0; i < out.length; i++) out[i]! += layer[i]! * weight;
  }
  return out;
}
