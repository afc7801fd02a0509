import { createRandom, type Random } from '../../base/random.ts';

/** A function of the world's points with values in [0, 1]. */
export type Field = (x: number, y: number) => number;

const side = 256;
const generator = createRandom(0x6e6f6973);
/** One table of random numbers for all noise: each field reads it from an offset of its own. */
const lattice = Float32Array.from({ length: side * side }, generator.next);

/** Uniform in [0, 1), the same for the same integers (32 bit). */
export const hash = (column: number, row: number, salt = 0): number =>
  lattice[((row * 31 + salt * 57) & 255) * side + ((column + row * 71 + salt * 113) & 255)]!;

/**
 * Value noise: random values on a lattice of cellsX by cellsY cells per unit, joined smoothly. Unequal cells
 * stretch it (brushed metal, wood fibres).
 */
export function noise(random: Random, cellsX: number, cellsY = cellsX): Field {
  // Positive for every point that a view can reach, so that truncation rounds down.
  const [offsetX, offsetY] = [random.range(0, side) + 64 * side, random.range(0, side) + 64 * side];
  return (x, y) => {
    const [px, py] = [x * cellsX + offsetX, y * cellsY + offsetY];
    const [column, row] = [px | 0, py | 0];
    const [fx, fy] = [px - column, py - row];
    const s = fx * fx * (3 - 2 * fx);
    const t = fy * fy * (3 - 2 * fy);
    const [left, right] = [column & 255, (column + 1) & 255];
    const [above, below] = [(row & 255) << 8, ((row + 1) & 255) << 8];
    const top = lattice[above + left]! + (lattice[above + right]! - lattice[above + left]!) * s;
    const bottom = lattice[below + left]! + (lattice[below + right]! - lattice[below + left]!) * s;
    return top + (bottom - top) * t;
  };
}

/** Fractal noise: octaves of {@link noise}, each about twice as fine and half as strong. */
export function fractalNoise(random: Random, cells: number, octaves: number): Field {
  const total = 2 - 2 ** (1 - octaves);
  const layers = Array.from({ length: octaves }, (_, k) => noise(random, cells * 2.03 ** k));
  return (x, y) => {
    let sum = 0;
    let weight = 1 / total;
    for (const layer of layers) {
      sum += weight * layer(x, y);
      weight /= 2;
    }
    return sum;
  };
}

export interface Cell {
  /** Distances to the nearest and the second nearest point, in cells. */
  first: number;
  second: number;
  /** Uniform in [0, 1), the cell's own. */
  tone: number;
}

/** Voronoi cells around points spread unevenly, `density` a unit; fills and returns one object. */
export function cells(random: Random, density: number): (x: number, y: number) => Cell {
  const [offsetX, offsetY, salt] = [random.int(side), random.int(side), random.int(side)];
  const cell: Cell = { first: 0, second: 0, tone: 0 };
  return (x, y) => {
    const [px, py] = [x * density + offsetX, y * density + offsetY];
    const [column, row] = [Math.floor(px), Math.floor(py)];
    cell.first = 9;
    cell.second = 9;
    for (let r = row - 1; r <= row + 1; r++) {
      for (let c = column - 1; c <= column + 1; c++) {
        const dx = c + 0.1 + 0.8 * hash(c, r, salt) - px;
        const dy = r + 0.1 + 0.8 * hash(c, r, salt + 1) - py;
        const distance = dx * dx + dy * dy;
        if (distance < cell.first) {
          cell.second = cell.first;
          cell.first = distance;
          cell.tone = hash(c, r, salt + 2);
        } else if (distance < cell.second) cell.second = distance;
      }
    }
    cell.first = Math.sqrt(cell.first);
    cell.second = Math.sqrt(cell.second);
    return cell;
  };
}
