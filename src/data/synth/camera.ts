/** Light, lens and sensor. */
import type { Random } from '../../base/random.ts';
import type { Canvas } from './canvas.ts';

/**
 * A camera for pictures of `size` pixels a side: uneven light from one side, exposure, white balance, vignette,
 * a slight blur and sensor noise, then rounding to bytes. The same for every picture that it takes.
 */
export function photograph(random: Random, size: number): (canvas: Canvas) => Uint8Array {
  const angle = random.range(0, 2 * Math.PI);
  const fall = random.range(0, 0.35);
  const [gx, gy] = [Math.cos(angle) * fall, Math.sin(angle) * fall];
  const exposure = 255 * random.range(0.85, 1.1);
  const vignette = random.range(0, 0.3);
  const balance = [random.range(0.95, 1.05), 1, random.range(0.95, 1.05)] as const;
  const grain = random.range(1, 5);
  const blur = random.next() < 0.4 ? 0 : random.range(0.05, 0.22);
  const gain = new Float32Array(size * size);
  const noise = new Float32Array(3 * size * size);
  for (let y = 0, i = 0; y < size; y++) {
    const v = (y + 0.5) / size - 0.5;
    for (let x = 0; x < size; x++, i++) {
      const u = (x + 0.5) / size - 0.5;
      gain[i] = exposure * (1 + gx * u + gy * v - vignette * (u * u + v * v));
      // One nearly normal number for the three channels (luminance noise) and a uniform one for each (colour noise).
      const shared = (random.next() + random.next() + random.next() - 1.5) * 2 * grain;
      for (let c = 0; c < 3; c++) noise[3 * i + c] = shared + (random.next() - 0.5) * grain;
    }
  }
  return (canvas) => {
    const { data } = blur > 0 ? blurred(canvas, blur) : canvas;
    const out = new Uint8ClampedArray(data.length);
    for (let i = 0, k = 0; i < gain.length; i++) {
      for (let c = 0; c < 3; c++, k++) out[k] = data[k]! * gain[i]! * balance[c]! + noise[k]!;
    }
    return new Uint8Array(out.buffer);
  };
}

/** Each pixel mixed with its neighbours, `weight` of each, along rows and then columns; the border repeats. */
function blurred({ size, data }: Canvas, weight: number): Canvas {
  const row = 3 * size;
  const across = new Float32Array(data.length);
  const out = new Float32Array(data.length);
  for (let from = 0; from < data.length; from += row)
    blurLine(data, across, { from, step: 3, count: size, weight });
  for (let from = 0; from < row; from += 3) blurLine(across, out, { from, step: row, count: size, weight });
  return { size, data: out };
}

/** One line of `count` pixels, the first at `from`, each `step` numbers behind the one before. */
function blurLine(
  source: Float32Array,
  out: Float32Array,
  { from, step, count, weight }: Readonly<Record<'from' | 'step' | 'count' | 'weight', number>>,
): void {
  const last = from + (count - 1) * step;
  for (let pixel = from; pixel <= last; pixel += step) {
    const before = pixel > from ? pixel - step : pixel;
    const after = pixel < last ? pixel + step : pixel;
    for (let c = 0; c < 3; c++) {
      const own = source[pixel + c]!;
      out[pixel + c] = own + weight * (source[before + c]! + source[after + c]! - 2 * own);
    }
  }
}
