/** One synthetic image: surface, defect, light, camera. */
import type { Mask, RgbImage } from '../image.ts';
import { createRandom, deriveSeed, type Random } from '../random.ts';
import type { Canvas } from './canvas.ts';
import { type DefectName, defects } from './defects/index.ts';
import { type FamilyName, families } from './families/index.ts';

/**
 * Draws a surface of `size` pixels a side, with a defect or (null) without. Surface, defect and camera have
 * random numbers of their own: the same seed with and without defect gives images that differ in the mask only.
 */
export function drawImage(
  surface: FamilyName,
  defect: DefectName | null,
  seed: number,
  size: number,
): { image: RgbImage; mask: Mask } {
  const stream = (name: string): Random => createRandom(deriveSeed(seed, name));
  const rendering = families[surface].draw(stream('surface'), size);
  const mask = defect ? defects[defect].draw(stream('defect'), rendering) : new Uint8Array(size * size);
  return {
    image: photograph(stream('camera'), rendering.canvas),
    mask: { width: size, height: size, data: mask },
  };
}

/** Uneven light from one side, exposure, white balance and sensor noise, then rounding to bytes. */
function photograph(random: Random, { size, data }: Canvas): RgbImage {
  const angle = random.range(0, 2 * Math.PI);
  const fall = random.range(0.05, 0.28);
  const [gx, gy] = [Math.cos(angle) * fall, Math.sin(angle) * fall];
  const exposure = random.range(0.9, 1.08);
  const vignette = random.range(0, 0.25);
  const balance = [random.range(0.97, 1.03), 1, random.range(0.97, 1.03)];
  const grain = random.range(0.006, 0.016) * 255;
  const out = new Uint8ClampedArray(data.length);
  for (let y = 0, k = 0; y < size; y++) {
    const v = (y + 0.5) / size - 0.5;
    for (let x = 0; x < size; x++) {
      const u = (x + 0.5) / size - 0.5;
      const light = 255 * exposure * (1 + gx * u + gy * v - vignette * (u * u + v * v));
      // One normal for the three channels (luminance noise) and a cheap uniform for each (colour noise).
      const noise = random.normal() * grain;
      for (let c = 0; c < 3; c++, k++) {
        out[k] = data[k]! * light * balance[c]! + noise + (random.next() - 0.5) * grain;
      }
    }
  }
  return { width: size, height: size, data: new Uint8Array(out.buffer) };
}
