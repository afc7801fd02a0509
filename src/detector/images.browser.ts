// Decoding in a browser, to the pixels that Node's decoder gives.
import { contentBytes, describeContent } from '../base/content.ts';
import { decodeBmp } from '../data/bmp.ts';
import { ImageError } from '../data/errors.ts';
import { type ImageFormat, type Mask, type RgbImage, sniffFormat } from '../data/image.ts';
import { withoutMetadata } from '../data/metadata.ts';
import { UnreachableError } from '../formats/errors.ts';
import { bodyParts, reason } from '../formats/http.ts';
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
  return readBody(response, name);
}

/** As Node's limit for an image's file. */
const maxBytes = 2 ** 30;

async function readBody(response: Response, name: string): Promise<Blob> {
  const parts = await bodyParts(response, maxBytes, () => {
    throw new ImageError(name, `a file of at most ${maxBytes} bytes`, 'more');
  });
  return new Blob(parts as BlobPart[], { type: response.headers.get('content-type') ?? '' });
}

/**
 * The image alone, for the browser to decode: what it is not is not unpacked, and its size is known before.
 * @throws ImageError for too many bytes or pixels
 */
async function imageOnly(blob: Blob, format: ImageFormat | null, name: string): Promise<Blob> {
  if (blob.size > maxBytes) throw new ImageError(name, `a file of at most ${maxBytes} bytes`, `${blob.size}`);
  if (format === null) return blob;
  const given = new Uint8Array(await blob.arrayBuffer());
  const { bytes, size } = withoutMetadata(given, format, name);
  if (size && size.width * size.height > maxPixels)
    throw new ImageError(name, `at most ${maxPixels} pixels`, `${size.width} x ${size.height}`);
  return bytes === given ? blob : new Blob([bytes], { type: blob.type });
}

const head = async (blob: Blob) => new Uint8Array(await blob.slice(0, contentBytes).arrayBuffer());

async function decodeFile(gpu: Gpu, blob: Blob, name: string): Promise<RgbImage> {
  if (blob.size === 0) throw new ImageError(name, 'an image', 'an empty file');
  const start = await head(blob);
  const format = sniffFormat(start);
  if (format === 'bmp') return decodeBmp(new Uint8Array(await blob.arrayBuffer()), name);
  const image = await imageOnly(blob, format, name);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(image, bitmapOptions);
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
    const decoded = await fromBitmap(gpu, bitmap, name);
    // Browsers keep the high byte of 16 bits; of a camera's 12 that is all but black (see usedBits in data/image.ts).
    if (format === 'png' && start[24] === 16 && !decoded.data.every((value) => value === 0))
      if (decoded.data.every((value) => value < 16))
        throw new ImageError(
          name,
          'samples that use their 16 bits',
          'none above 4095: convert them to 8 bits',
        );
    return decoded;
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
