/** Pin connector and circuit board. */
import type { Random } from '../../../base/random.ts';
import {
  type Color,
  coverInto,
  mixed,
  mixInto,
  type Pixel,
  paint,
  paintObject,
  type Rendering,
  shaded,
} from '../canvas.ts';
import { pickColor } from '../colors.ts';
import { boxDistance, modulo, smoothstep } from '../maths.ts';
import { fractalNoise, hash, noise } from '../noise.ts';
import type { View } from '../view.ts';
import { bevel, stage } from './stage.ts';

/** A plastic housing with two rows of metal pins in square wells; each pin is a part. */
export function connector(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['black', 'white', 'blue', 'green', 'grey', 'beige', 'yellow']);
  const { background, at } = stage(random, view, color);
  const columns = 3 + random.int(3);
  const pitch = 0.78 / (columns + 0.6);
  const [width, height] = [(columns * pitch) / 2 + 0.04, pitch + 0.05];
  const metal: Color = random.next() < 0.5 ? [0.82, 0.68, 0.36] : [0.78, 0.79, 0.8];
  const well = shaded(color, name === 'black' ? 0.35 : 0.3);
  const grain = noise(random, 40);
  const ids = new Int16Array(view.size ** 2).fill(-1);
  const housing = (withPins: boolean) =>
    paintObject(at, background, (out, x, y, i) => {
      const outline = boxDistance(x, y, width, height, 0.03);
      const [column, row] = [Math.floor(x / pitch + columns / 2), Math.floor(y / pitch + 1)];
      const inside = column >= 0 && column < columns && (row === 0 || row === 1);
      const cx = x - (column - columns / 2 + 0.5) * pitch;
      const cy = y - (row - 0.5) * pitch;
      mixInto(out, color, color, 0, 0.95 + 0.12 * (grain(x, y) - 0.5) + 0.4 * bevel(x, y, -outline, 0.03));
      if (!inside) return outline;
      const opening = 1 - smoothstep(-0.008, 0.008, boxDistance(cx, cy, pitch * 0.33, pitch * 0.33));
      coverInto(out, well, opening);
      const toPin = boxDistance(cx, cy, pitch * 0.17, pitch * 0.17, 0.01);
      if (!withPins || toPin > 0.01) return outline;
      ids[i] = row * columns + column;
      const pin = 1 - smoothstep(-0.006, 0.01, toPin);
      const tone = 1 + 0.25 * bevel(cx, cy, -toPin, 0.05);
      coverInto(out, metal, pin, tone);
      return outline;
    });
  const painted = housing(true);
  return { ...painted, view, color: name, parts: { ids, beneath: housing(false).canvas } };
}

/** A circuit board that fills the picture: traces, and chips, resistors and capacitors on pads, which are parts. */
export function circuit(random: Random, view: View): Rendering {
  const { name, color } = pickColor(random, ['green', 'blue', 'red', 'black', 'purple']);
  const cellsPerUnit = random.range(3, 4.2);
  const salt = random.int(256);
  const trace = mixed(color, [0.8, 0.85, 0.6], 0.28);
  const pad: Color = random.next() < 0.5 ? [0.8, 0.68, 0.38] : [0.76, 0.77, 0.78];
  const cloud = fractalNoise(random, 4, 2);
  const ids = new Int16Array(view.size ** 2).fill(-1);
  const board = (withParts: boolean) => (out: Pixel, u: number, v: number, i: number) => {
    const [px, py] = [u * cellsPerUnit + 64.5, v * cellsPerUnit + 64.5];
    const [column, row] = [Math.floor(px), Math.floor(py)];
    const kind = hash(column, row, salt);
    const upright = hash(column, row, salt + 1) < 0.5;
    const [dx, dy] = [px - column - 0.5, py - row - 0.5];
    const [x, y] = upright ? [dx, dy] : [dy, dx];
    const lanes = Math.abs((((x + 0.5) * 5) % 1) - 0.5) < 0.16 || Math.abs(y) > 0.46;
    const t = lanes && Math.abs(x) < 0.45 ? 1 : 0;
    mixInto(out, color, trace, t, 0.9 + 0.2 * cloud(u, v));
    if (kind < 0.12) return;
    const component = kind < 0.45 ? chip : kind < 0.75 ? resistor : capacitor;
    const covered = component(out, { x, y, pad, body: withParts, variety: kind });
    if (covered) ids[i] = modulo(row, 32) * 32 + modulo(column, 32);
  };
  const canvas = paint(view, board(true));
  return { canvas, view, color: name, parts: { ids, beneath: paint(view, board(false)) } };
}

/** Paints one component of a cell around the origin, or only its pads; says whether its body is here. */
type Component = (out: Pixel, cell: Cell) => boolean;

interface Cell {
  readonly x: number;
  readonly y: number;
  readonly pad: Color;
  /** The component too, not only its pads. */
  readonly body: boolean;
  /** From 0 to 1: another one for every cell. */
  readonly variety: number;
}

const flat = (out: Pixel, color: Color, tone: number): void => mixInto(out, color, color, 0, tone);

const chip: Component = (out, { x, y, pad, body }) => {
  if (boxDistance(x, y, 0.36, 0.3) > 0) return false;
  const inside = boxDistance(x, y, 0.25, 0.3);
  if (inside > 0 && Math.abs((((y + 0.3) * 7) % 1) - 0.5) < 0.28) flat(out, pad, 1);
  if (!body || inside > 0) return false;
  const notch = Math.hypot(x + 0.14, y + 0.2) < 0.05;
  flat(out, [0.13, 0.13, 0.14], (notch ? 2.4 : 1) + 2 * Math.max(0, 0.03 + inside) * 12);
  return true;
};

const resistor: Component = (out, { x, y, pad, body, variety }) => {
  if (boxDistance(x, y, 0.15, 0.32) > 0) return false;
  if (Math.abs(y) > 0.2) flat(out, pad, 1.05);
  if (!body || boxDistance(x, y, 0.13, 0.23) > 0) return false;
  const shell: Color = variety < 0.6 ? [0.2, 0.18, 0.18] : [0.68, 0.52, 0.36];
  flat(out, Math.abs(y) > 0.17 ? [0.85, 0.85, 0.84] : shell, 1.05 - x);
  return true;
};

const capacitor: Component = (out, { x, y, pad, body }) => {
  const radius = Math.hypot(x, y);
  if (radius > 0.33) return false;
  if (boxDistance(x, y, 0.08, 0.33) < 0) flat(out, pad, 1);
  if (!body || radius > 0.27) return false;
  const rim = radius > 0.22 ? 0.75 : 1;
  flat(out, y > 0.12 ? [0.15, 0.16, 0.2] : [0.74, 0.75, 0.78], rim * (1 - 0.5 * (x + y)));
  return true;
};
