/** A square look at a photograph: a part of it, turned, mirrored and tilted as a camera may. */
import type { Random } from '../../base/random.ts';
import type { Mask, RgbImage } from '../image.ts';
import { type Canvas, createCanvas } from '../synth/canvas.ts';

export interface Look {
  readonly canvas: Canvas;
  /** Share of each pixel that the mask covers; null without a mask. */
  readonly covered: Float32Array | null;
}

export interface LookOptions {
  /** Pixels a side. */
  readonly size: number;
  /** Any angle (a surface), or nearly upright (an object has its top). */
  readonly turned: boolean;
  /** The least part of the shorter side that is shown: 1 shows all of the image's middle. */
  readonly leastPart: number;
}

/** Draws crop, angle, mirror and tilt from `random`; what lies outside the photograph is mirrored at its border. */
export function lookAt(
  random: Random,
  image: RgbImage,
  mask: Mask | null,
  { size, turned, leastPart }: LookOptions,
): Look {
  const side = Math.min(image.width, image.height) * random.range(leastPart, 1);
  const angle = turned ? random.range(0, 2 * Math.PI) : random.range(-0.12, 0.12);
  const mirror = random.next() < 0.5 ? -1 : 1;
  const [tiltX, tiltY] = [random.range(-0.18, 0.18), random.range(-0.18, 0.18)];
  const free = (length: number) => (length - side) / 2;
  const centreX = image.width / 2 + random.range(-1, 1) * free(image.width);
  const centreY = image.height / 2 + random.range(-1, 1) * free(image.height);
  const [cos, sin] = [Math.cos(angle) * side, Math.sin(angle) * side];
  // Several points a pixel where the photograph is finer than the look.
  const grid = Math.max(1, Math.min(3, Math.round(side / size)));
  const canvas = createCanvas(size);
  const covered = mask && new Float32Array(size * size);
  const color = [0, 0, 0];
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      for (let k = 0; k < grid * grid; k++) {
        const u = mirror * ((x + ((k % grid) + 0.5) / grid) / size - 0.5);
        const v = (y + (Math.floor(k / grid) + 0.5) / grid) / size - 0.5;
        const depth = 1 + tiltX * u + tiltY * v;
        const px = centreX + (cos * u - sin * v) / depth - 0.5;
        const py = centreY + (sin * u + cos * v) / depth - 0.5;
        sample(color, image, px, py);
        for (let c = 0; c < 3; c++) canvas.data[3 * i + c]! += color[c]! / (255 * grid * grid);
        if (covered) covered[i]! += at(mask!, px, py) / (grid * grid);
      }
    }
  }
  return { canvas, covered };
}

/** A whole number in [0, length), mirrored at the border as often as it takes. */
function reflect(position: number, length: number): number {
  const period = 2 * length;
  const within = ((position % period) + period) % period;
  return within < length ? within : period - 1 - within;
}

function at({ width, height, data }: Mask, x: number, y: number): number {
  return data[reflect(Math.round(y), height) * width + reflect(Math.round(x), width)]!;
}

/** Bilinear. */
function sample(out: number[], { width, height, data }: RgbImage, x: number, y: number): void {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const [s, t] = [x - column, y - row];
  const [left, right] = [3 * reflect(column, width), 3 * reflect(column + 1, width)];
  const above = 3 * width * reflect(row, height);
  const below = 3 * width * reflect(row + 1, height);
  for (let c = 0; c < 3; c++) {
    const top = data[above + left + c]! + (data[above + right + c]! - data[above + left + c]!) * s;
    const bottom = data[below + left + c]! + (data[below + right + c]! - data[below + left + c]!) * s;
    out[c] = top + (bottom - top) * t;
  }
}
