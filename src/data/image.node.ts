/** Reading and writing image files in Node, through sharp (libvips); BMP through our own decoder. */
import { stat } from 'node:fs/promises';
import { createBudget } from '../base/budget.ts';
import { describeContent } from '../base/content.ts';
import { type NotOpenedError, readRegular } from '../base/open.node.ts';
import { decodeBmp, readBmpHeader } from './bmp.ts';
import type { MaskFiles } from './dataset.ts';
import { ImageError, MaskError } from './errors.ts';
import { type Mask, type RgbImage, type Samples, samplesToMask, samplesToRgb, sniffFormat } from './image.ts';
import { withoutMetadata } from './metadata.ts';
import { loadSharp } from './sharp.node.ts';

export interface DecodeOptions {
  /** Refuse images of more pixels than this, before anything is decoded. Default 100 million. */
  maxPixels?: number;
}

const defaultMaxPixels = 100_000_000;

/** Decoded at the same time, and read at the same time. */
const memory = createBudget(512 * 2 ** 20);
const files = createBudget(256 * 2 ** 20);

const describe = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, '; ');

/**
 * Samples of an image as stored: first page only, EXIF orientation applied, palettes expanded, ICC profiles
 * ignored. Errors that Pillow refuses (truncation, damaged data) are refused, mere warnings are not.
 */
async function withSamples<T>(
  given: Uint8Array,
  name: string,
  options: DecodeOptions,
  use: (samples: Samples) => Promise<T> | T,
): Promise<T> {
  if (given.length === 0) throw new ImageError(name, 'an image', describeContent(given));
  const format = sniffFormat(given);
  if (format === null) {
    throw new ImageError(name, 'PNG, JPEG, BMP, TIFF, WebP, GIF or AVIF', describeContent(given));
  }
  const maxPixels = options.maxPixels ?? defaultMaxPixels;
  const checkSize = (width: number, height: number): void => {
    if (width * height > maxPixels) {
      throw new ImageError(name, `at most ${maxPixels} pixels`, `${width} x ${height}`);
    }
  };
  if (format === 'bmp') {
    const { width, height } = readBmpHeader(given, name);
    checkSize(width, height);
    return memory.run(6 * width * height, async () =>
      use({ ...decodeBmp(given, name), channels: 3, space: 'rgb' }),
    );
  }
  const sharp = await loadSharp();
  const { bytes, size } = withoutMetadata(given as Uint8Array<ArrayBuffer>, format, name);
  if (size) checkSize(size.width, size.height);
  const input = sharp(bytes, { failOn: 'error', ignoreIcc: true, limitInputPixels: false });
  const broken = (error: unknown): never => {
    throw new ImageError(name, `a readable ${format.toUpperCase()} image`, describe(error), { cause: error });
  };
  const { width, height, space, depth, hasAlpha, channels } = await input.metadata().catch(broken);
  checkSize(width, height);
  if ((depth !== 'uchar' && depth !== 'ushort') || (space === 'cmyk' && depth !== 'uchar')) {
    throw new ImageError(name, '8- or 16-bit samples', `${depth} samples (${space})`);
  }
  // Asked for in its own colour space, an image passes unchanged; other spaces (Lab, say) become sRGB.
  const grey = space === 'b-w' || space === 'grey16';
  const kept = grey || space === 'rgb16' || space === 'cmyk' ? space : 'srgb';
  if (space === 'cmyk') input.pipelineColourspace('cmyk');
  else if (hasAlpha) input.removeAlpha();
  // The samples, as much again for an interlaced or turned image, and RGB.
  const bytesEach = (depth === 'ushort' ? 2 : 1) * 2 * channels + 3;
  return memory.run(bytesEach * width * height, async () => {
    const { data, info } = await input
      .autoOrient()
      .toColourspace(kept)
      .raw({ depth })
      .toBuffer({ resolveWithObject: true })
      .catch(broken);
    const values = info.width * info.height * info.channels;
    // sharp may hand out a view into a shared pool at an odd offset: copy before reading 16-bit values.
    const raw = data.byteOffset % 2 === 0 ? data : new Uint8Array(data);
    return use({
      width: info.width,
      height: info.height,
      channels: info.channels as Samples['channels'],
      space: space === 'cmyk' ? 'cmyk' : info.channels < 3 ? 'grey' : 'rgb',
      data:
        depth === 'ushort'
          ? new Uint16Array(raw.buffer, raw.byteOffset, values)
          : new Uint8Array(data.buffer, data.byteOffset, data.length),
    });
  });
}

/**
 * {@link decodeImage}, and what is done with the pixels while their memory is accounted for: images that are decoded and
 * used at the same time share 512 MiB, and a larger one is alone.
 */
export const withImage = <T>(
  bytes: Uint8Array,
  name: string,
  use: (image: RgbImage) => Promise<T> | T,
  options: DecodeOptions = {},
): Promise<T> => withSamples(bytes, name, options, (samples) => use(samplesToRgb(samples)));

/**
 * Decodes PNG, JPEG, BMP, TIFF, WebP, GIF or AVIF (told by content, not by name) to 8-bit RGB, values as Pillow's
 * `convert('RGB')`, see {@link samplesToRgb}; EXIF orientation is applied. Throws {@link ImageError} with `name`.
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  options: DecodeOptions = {},
): Promise<RgbImage> {
  return withImage(bytes, name, (image) => image, options);
}

/** Reads a file as {@link decodeImage}; a file that cannot be read is an {@link ImageError} too. */
export async function readImage(file: string, options: DecodeOptions = {}): Promise<RgbImage> {
  return withImageBytes(file, (bytes) => decodeImage(bytes, file, options));
}

/**
 * Reads a ground-truth mask, 1 where the grey value is above 0, in a JPEG above 127: its compression leaves small
 * values around every edge (Kvasir, TN3K). Of several files, the union. Throws {@link ImageError} if one cannot
 * be decoded, {@link MaskError} if it has not the `expected` size (that of the first file, if none is given).
 */
export async function readMask(
  files: MaskFiles,
  expected?: { width: number; height: number },
  options: DecodeOptions = {},
): Promise<Mask> {
  const [first, ...rest] = typeof files === 'string' ? [files] : files;
  if (first === undefined) throw new MaskError('mask', 'at least one file', 'none');
  const mask = await readOneMask(first, expected, options);
  for (const file of rest) {
    const { data } = await readOneMask(file, mask, options);
    for (let i = 0; i < data.length; i++) mask.data[i]! |= data[i]!;
  }
  return mask;
}

const readOneMask = async (
  file: string,
  expected: { width: number; height: number } | undefined,
  options: DecodeOptions,
): Promise<Mask> => withImageBytes(file, (bytes) => decodeMask(bytes, file, expected, options));

/** Decodes one mask as {@link readMask}. */
export async function decodeMask(
  bytes: Uint8Array,
  name: string,
  expected?: { width: number; height: number },
  options: DecodeOptions = {},
): Promise<Mask> {
  const limit = sniffFormat(bytes) === 'jpeg' ? 127 : 0;
  const mask = await withSamples(bytes, name, options, (samples) => samplesToMask(samples, limit));
  if (expected && (mask.width !== expected.width || mask.height !== expected.height)) {
    throw new MaskError(
      name,
      `a mask of ${expected.width} x ${expected.height} as its image`,
      `${mask.width} x ${mask.height}`,
    );
  }
  return mask;
}

/** An image's file as it is: what 100 million 16-bit pixels with alpha take, and room for metadata. */
const maxFileBytes = 2 ** 30;

/**
 * Reads an image's file, and does something with it while its memory is accounted for. Not to be nested: files that wait
 * for each other would wait for ever.
 */
export async function withImageBytes<T>(
  file: string,
  use: (bytes: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0, // opening it will say why
  );
  return files.run(size, async () => use(await readImageBytes(file)));
}

/** Reads an image's file. Throws {@link ImageError} for one that is no regular file, or larger than any image. */
export async function readImageBytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
  return readRegular(file, maxFileBytes).catch((error: NotOpenedError) => {
    throw new ImageError(file, 'a readable file', error.message, { cause: error });
  });
}

/** How sharp writes photographs and maps as PNG: half as large as by its defaults, in the same time. */
export const pngOfPhotograph = { compressionLevel: 3, adaptiveFiltering: true };

/** PNG of 8-bit RGB (3 * width * height bytes) or grey (width * height bytes), told apart by `data.length`. */
export async function encodePng(image: {
  width: number;
  height: number;
  data: Uint8Array;
}): Promise<Uint8Array> {
  const { width, height, data } = image;
  const channels = data.length / (width * height);
  if (channels !== 1 && channels !== 3) {
    throw new ImageError(
      'PNG to write',
      `1 or 3 bytes a pixel for ${width} x ${height}`,
      `${data.length} bytes`,
    );
  }
  const sharp = await loadSharp();
  const input = sharp(data, { raw: { width, height, channels } });
  return (channels === 1 ? input.toColourspace('b-w').png() : input.png(pngOfPhotograph)).toBuffer();
}
