/** Images and masks in memory, and the conversions that the decoders share. Nothing here touches files. */

/** 8-bit RGB, interleaved, rows from the top: `data` has 3 * width * height bytes. */
export interface RgbImage {
  width: number;
  height: number;
  data: Uint8Array;
}

/** Ground truth: one byte a pixel, 1 where the pixel is anomalous, else 0; rows from the top. */
export interface Mask {
  width: number;
  height: number;
  data: Uint8Array;
}

/**
 * What a decoder hands over before colour conversion: interleaved samples, rows from the top. Channels: 1 grey,
 * 2 grey and alpha, 3 RGB, 4 RGB and alpha or (`space` cmyk) CMYK with 255 = full ink.
 */
export interface Samples {
  width: number;
  height: number;
  channels: 1 | 2 | 3 | 4;
  space: 'grey' | 'rgb' | 'cmyk';
  data: Uint8Array | Uint16Array;
}

export type ImageFormat = 'png' | 'jpeg' | 'bmp' | 'tiff' | 'webp';

/** File name endings under which images are looked for, lower case. */
export const imageExtensions: readonly string[] = ['.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp'];

/** First bytes of each format, as Latin-1 text. */
const signatures: readonly [ImageFormat, string][] = [
  ['png', '\x89PNG\r\n\x1a\n'],
  ['jpeg', '\xff\xd8\xff'],
  ['bmp', 'BM'],
  ['tiff', 'II*\0'],
  ['tiff', 'MM\0*'],
  ['tiff', 'II+\0'],
  ['tiff', 'MM\0+'],
];

/** The format by its first bytes, whatever the file is called; null if it is none of ours. */
export function sniffFormat(bytes: Uint8Array): ImageFormat | null {
  const head = String.fromCharCode(...bytes.subarray(0, 12));
  if (head.startsWith('RIFF') && head.endsWith('WEBP')) return 'webp';
  return signatures.find(([, signature]) => head.startsWith(signature))?.[0] ?? null;
}

/** a * b / 255 rounded, as Pillow's MULDIV255. */
const multiply255 = (a: number, b: number): number => {
  const t = a * b + 128;
  return ((t >> 8) + t) >> 8;
};

/** Shift that brings a sample to 8 bits: 16-bit samples keep their high byte. */
const depthShift = (data: Uint8Array | Uint16Array): number => (data instanceof Uint16Array ? 8 : 0);

/**
 * 8-bit RGB with the pixel values of Pillow's `convert('RGB')`: no colour management, alpha dropped and not
 * blended, CMYK by (255 - C)(255 - K) / 255. 16-bit samples keep their high byte; Pillow does so for RGB, but
 * clips 16-bit grey at 255, which would make nearly every such image white.
 */
export function samplesToRgb({ width, height, channels, space, data }: Samples): RgbImage {
  const pixels = width * height;
  const shift = depthShift(data);
  if (space === 'rgb' && channels === 3 && data instanceof Uint8Array) return { width, height, data };
  const out = new Uint8Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) {
      const value = data[i * channels + (space === 'grey' ? 0 : c)]! >> shift;
      if (space === 'cmyk') {
        const light = 255 - data[i * channels + 3]!;
        out[3 * i + c] = light - multiply255(value, light);
      } else out[3 * i + c] = value;
    }
  }
  return { width, height, data: out };
}

/** Luma as Pillow's `convert('L')`: ITU-R 601-2 in 16-bit fixed point. */
export const luma = (r: number, g: number, b: number): number =>
  (r * 19595 + g * 38470 + b * 7471 + 32768) >> 16;

/**
 * 1 where a pixel's grey value is above `limit`, as the published code reads masks (`convert('L') > 0`); colour
 * goes through {@link luma}. 16-bit grey is compared before it is reduced, so that small labels are not lost.
 */
export function samplesToMask(samples: Samples, limit = 0): Mask {
  const { width, height, channels, space, data } = samples;
  const out = new Uint8Array(width * height);
  if (space === 'grey') {
    for (let i = 0; i < out.length; i++) out[i] = data[i * channels]! > limit ? 1 : 0;
  } else {
    const rgb = samplesToRgb(samples).data;
    for (let i = 0; i < out.length; i++) {
      out[i] = luma(rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!) > limit ? 1 : 0;
    }
  }
  return { width, height, data: out };
}
