import { MaskError } from '../data/errors.ts';
import { luma, type Mask, type RgbImage } from '../data/image.ts';
import type { PortablePixels } from './portable.ts';

/** 1 where the grey value is above `limit`. @throws MaskError unless of the expected size */
export function rgbToMask(
  { width, height, data }: RgbImage,
  limit: number,
  name: string,
  expected: { width: number; height: number },
): Mask {
  if (width !== expected.width || height !== expected.height)
    throw new MaskError(
      name,
      `a mask of ${expected.width} x ${expected.height} as its image`,
      `${width} x ${height}`,
    );
  const bits = Uint8Array.from({ length: width * height }, (_, i) =>
    luma(data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!) > limit ? 1 : 0,
  );
  return { width, height, data: bits };
}

/** Pixels of 1, 3 or 4 bytes as RGB; alpha is dropped. */
export function toRgb({ width, height, data }: PortablePixels): RgbImage {
  const channels = data.length / (width * height);
  if (channels === 3)
    return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = data[i * channels + (channels === 1 ? 0 : c)]!;
  return { width, height, data: rgb };
}
