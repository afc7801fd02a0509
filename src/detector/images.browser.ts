// Decoding in a browser, to the pixels that Node's decoder gives.
import { contentBytes, describeContent } from '../base/content.ts';
import { decodeBmp } from '../data/bmp.ts';
import { ImageError } from '../data/errors.ts';
import { type Mask, type RgbImage, sniffFormat } from '../data/image.ts';
import { UnreachableError } from '../formats/errors.ts';
import { reason } from '../formats/http.ts';
import { readBitmap } from '../gpu/external-image.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { rgbToMask, toRgb } from './pixels.ts';
import { bitmapOptions, type PortableImage } from './portable.ts';

/** As in Node: refused before anything is made of it. */
const maxPixels = 100_000_000;

export async function decodeInBrowser(gpu: Gpu, image: PortableImage): Promise<RgbImage> {
  if ('bitmap' in image) return fromBitmap(gpu, image.bitmap, image.name);
  if ('data' in image) return toRgb(image);
  const blob = await load(image.file, image.name);
  return decodeFile(gpu, blob, image.name);
}

/** White above `limit`: masks in JPEG have small values around every edge. */
export async function decodeMaskInBrowser(
  gpu: Gpu,
  mask: PortableImage,
  expected: { width: number; height: number },
): Promise<Mask> {
  const file = 'file' in mask ? await load(mask.file, mask.name) : undefined;
  const limit = file && sniffFormat(await head(file)) === 'jpeg' ? 127 : 0;
  const { width, height, data } = file
    ? await decodeFile(gpu, file, mask.name)
    : await decodeInBrowser(gpu, mask);
  return rgbToMask({ width, height, data }, limit, mask.name, expected);
}

async function load(file: string | Blob | Uint8Array, name: string): Promise<Blob> {
  if (file instanceof Blob) return file;
  if (file instanceof Uint8Array) return new Blob([new Uint8Array(file)]);
  const response = await fetch(file).catch((cause) => {
    throw new UnreachableError(
      { file: name, expected: 'a readable address', found: reason(cause) },
      { cause },
    );
  });
  if (!response.ok)
    throw new UnreachableError({ file: name, expected: 'status 200', found: `status ${response.status}` });
  return response.blob();
}

const head = async (blob: Blob) => new Uint8Array(await blob.slice(0, contentBytes).arrayBuffer());

async function decodeFile(gpu: Gpu, blob: Blob, name: string): Promise<RgbImage> {
  if (blob.size === 0) throw new ImageError(name, 'an image', 'an empty file');
  const start = await head(blob);
  const format = sniffFormat(start);
  if (format === 'bmp') return decodeBmp(new Uint8Array(await blob.arrayBuffer()), name);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(blob, bitmapOptions);
  } catch (cause) {
    const expected = 'a readable PNG, JPEG, WebP, GIF, AVIF or BMP image';
    const content = describeContent(start);
    const found =
      format === 'tiff'
        ? 'TIFF, which this browser cannot decode'
        : format === null
          ? content
          : `${content}, damaged or of a kind that this browser cannot decode`;
    throw new ImageError(name, expected, found, { cause });
  }
  try {
    const image = await fromBitmap(gpu, bitmap, name);
    // Browsers keep the high byte of 16 bits; of a camera's 12 that is all but black (see usedBits in data/image.ts).
    if (format === 'png' && start[24] === 16 && !image.data.every((value) => value === 0))
      if (image.data.every((value) => value < 16))
        throw new ImageError(
          name,
          'samples that use their 16 bits',
          'none above 4095: convert them to 8 bits',
        );
    return image;
  } finally {
    bitmap.close();
  }
}

async function fromBitmap(gpu: Gpu, bitmap: ImageBitmap, name: string): Promise<RgbImage> {
  const { width, height } = bitmap;
  if (width * height > maxPixels)
    throw new ImageError(name, `at most ${maxPixels} pixels`, `${width} x ${height}`);
  return gpu.guard(
    readBitmap(gpu, bitmap).catch((cause: Error) => {
      if (cause.name !== 'SecurityError') throw cause;
      throw new ImageError(name, 'an image that this page may read', 'one from elsewhere (CORS)', { cause });
    }),
  );
}
