/** Reading and writing image files in Node, through sharp (libvips); BMP through our own decoder. */
import { readFile } from 'node:fs/promises';
import { describeContent } from '../base/content.ts';
import { decodeBmp, readBmpHeader } from './bmp.ts';
import type { MaskFiles } from './dataset.ts';
import { ImageError, MaskError } from './errors.ts';
import { type Mask, type RgbImage, type Samples, samplesToMask, samplesToRgb, sniffFormat } from './image.ts';
import { loadSharp } from './sharp.node.ts';

export interface DecodeOptions {
  /** Refuse images of more pixels than this, before anything is decoded. Default 100 million. */
  maxPixels?: number;
}

const defaultMaxPixels = 100_000_000;

const describe = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, '; ');

/**
 * Samples of an image as stored: first page only, EXIF orientation applied, palettes expanded, ICC profiles
 * ignored. Errors that Pillow refuses (truncation, damaged data) are refused, mere warnings are not.
 */
async function decodeSamples(bytes: Uint8Array, name: string, options: DecodeOptions): Promise<Samples> {
  if (bytes.length === 0) throw new ImageError(name, 'an image', describeContent(bytes));
  const format = sniffFormat(bytes);
  if (format === null) {
    throw new ImageError(name, 'PNG, JPEG, BMP, TIFF, WebP, GIF or AVIF', describeContent(bytes));
  }
  const maxPixels = options.maxPixels ?? defaultMaxPixels;
  const checkSize = (width: number, height: number): void => {
    if (width * height > maxPixels) {
      throw new ImageError(name, `at most ${maxPixels} pixels`, `${width} x ${height}`);
    }
  };
  if (format === 'bmp') {
    const { width, height } = readBmpHeader(bytes, name);
    checkSize(width, height);
    return { ...decodeBmp(bytes, name), channels: 3, space: 'rgb' };
  }
  const sharp = await loadSharp();
  const input = sharp(bytes, { failOn: 'error', ignoreIcc: true, limitInputPixels: false });
  const broken = (error: unknown): never => {
    throw new ImageError(name, `a readable ${format.toUpperCase()} image`, describe(error), { cause: error });
  };
  const { width, height, space, depth, hasAlpha } = await input.metadata().catch(broken);
  checkSize(width, height);
  if ((depth !== 'uchar' && depth !== 'ushort') || (space === 'cmyk' && depth !== 'uchar')) {
    throw new ImageError(name, '8- or 16-bit samples', `${depth} samples (${space})`);
  }
  // Asked for in its own colour space, an image passes unchanged; other spaces (Lab, say) become sRGB.
  const grey = space === 'b-w' || space === 'grey16';
  const kept = grey || space === 'rgb16' || space === 'cmyk' ? space : 'srgb';
  if (space === 'cmyk') input.pipelineColourspace('cmyk');
  else if (hasAlpha) input.removeAlpha();
  const { data, info } = await input
    .autoOrient()
    .toColourspace(kept)
    .raw({ depth })
    .toBuffer({ resolveWithObject: true })
    .catch(broken);
  const values = info.width * info.height * info.channels;
  // sharp may hand out a view into a shared pool at an odd offset: copy before reading 16-bit values.
  const raw = new Uint8Array(data);
  return {
    width: info.width,
    height: info.height,
    channels: info.channels as Samples['channels'],
    space: space === 'cmyk' ? 'cmyk' : info.channels < 3 ? 'grey' : 'rgb',
    data: depth === 'ushort' ? new Uint16Array(raw.buffer, 0, values) : raw,
  };
}

/**
 * Decodes PNG, JPEG, BMP, TIFF, WebP, GIF or AVIF (told by content, not by name) to 8-bit RGB, values as Pillow's
 * `convert('RGB')`, see {@link samplesToRgb}; EXIF orientation is applied. Throws {@link ImageError} with `name`.
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  options: DecodeOptions = {},
): Promise<RgbImage> {
  return samplesToRgb(await decodeSamples(bytes, name, options));
}

/** Reads a file as {@link decodeImage}; a file that cannot be read is an {@link ImageError} too. */
export async function readImage(file: string, options: DecodeOptions = {}): Promise<RgbImage> {
  return decodeImage(await readBytes(file), file, options);
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
): Promise<Mask> => decodeMask(await readBytes(file), file, expected, options);

/** Decodes one mask as {@link readMask}. */
export async function decodeMask(
  bytes: Uint8Array,
  name: string,
  expected?: { width: number; height: number },
  options: DecodeOptions = {},
): Promise<Mask> {
  const limit = sniffFormat(bytes) === 'jpeg' ? 127 : 0;
  const mask = samplesToMask(await decodeSamples(bytes, name, options), limit);
  if (expected && (mask.width !== expected.width || mask.height !== expected.height)) {
    throw new MaskError(
      name,
      `a mask of ${expected.width} x ${expected.height} as its image`,
      `${mask.width} x ${mask.height}`,
    );
  }
  return mask;
}

async function readBytes(file: string): Promise<Uint8Array> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new ImageError(file, 'a readable file', error.code ?? describe(error), { cause: error });
  });
}

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
  return (channels === 1 ? input.toColourspace('b-w') : input).png().toBuffer();
}
