/** Images and masks in memory, and the conversions that the decoders share. Nothing here touches files. */

/** 8-bit RGB, interleaved, rows from the top: `data` has 3 * width * height bytes. */
export interface RgbImage {
  width: number;
  height: number;
  data: Uint8Array;
  /** Where 16-bit samples used only these lower bits and were read accordingly, see {@link usedBits}. */
  usedBits?: UsedBits;
}

/** Bits of 16-bit samples that hold a picture: cameras of 10 and 12 bits, and 8-bit data stored as 16. */
export type UsedBits = 8 | 12;

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

export type ImageFormat = 'png' | 'jpeg' | 'bmp' | 'tiff' | 'webp' | 'gif' | 'avif';

/** File name endings under which images are looked for, lower case. */
export const imageExtensions: readonly string[] =
  '.png .jpg .jpeg .jpe .jfif .bmp .dib .tif .tiff .webp .gif .avif'.split(' ');

/** Endings of pictures that are not read; they are counted and named, never left out without a word. */
const otherExtensions: ReadonlySet<string> = new Set(
  '.heic .heif .hif .jp2 .j2k .j2c .jpx .jpf .jxl .jxr .psd .exr .hdr .tga .pcx .ico .pgm .ppm .pbm .pnm .pfm .svg .dcm .dicom .nii .mha .mhd .nrrd .dng .raw .cr2 .cr3 .nef .arw .orf .rw2 .raf .npy .fits .eps .apng .qoi .ras .sgi .mpo'.split(
    ' ',
  ),
);

/** A name's ending with its dot, lower case; empty without one. */
export const extensionOf = (file: string): string => {
  const name = file.slice(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot).toLowerCase() : '';
};

/** Whether a file is taken for an image by its name. */
export const isImageFile = (file: string): boolean => imageExtensions.includes(extensionOf(file));

/** Whether a file is a picture in a format that is not read, by its name. */
export const isOtherPicture = (file: string): boolean => otherExtensions.has(extensionOf(file));

/** `4 files (2 .heic, 1 .jp2, 1 .psd)`: files by their endings, the most frequent first. */
export function countByExtension(files: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const file of files) counts.set(extensionOf(file), (counts.get(extensionOf(file)) ?? 0) + 1);
  const parts = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const shown = parts.slice(0, 8).map(([ending, count]) => `${count} ${ending || 'without an ending'}`);
  return `${files.length} file${files.length === 1 ? '' : 's'} (${shown.join(', ')}${parts.length > 8 ? ', ...' : ''})`;
}

/** First bytes of each format, as Latin-1 text. */
const signatures: readonly [ImageFormat, string][] = [
  ['png', '\x89PNG\r\n\x1a\n'],
  ['jpeg', '\xff\xd8\xff'],
  ['bmp', 'BM'],
  ['tiff', 'II*\0'],
  ['tiff', 'MM\0*'],
  ['tiff', 'II+\0'],
  ['tiff', 'MM\0+'],
  ['gif', 'GIF87a'],
  ['gif', 'GIF89a'],
];

/** The format by its first bytes, whatever the file is called; null if it is none of ours. */
export function sniffFormat(bytes: Uint8Array): ImageFormat | null {
  const head = String.fromCharCode(...bytes.subarray(0, 12));
  if (head.startsWith('RIFF') && head.endsWith('WEBP')) return 'webp';
  if (head.startsWith('ftyp', 4)) return isAvif(bytes) ? 'avif' : null;
  return signatures.find(([, signature]) => head.startsWith(signature))?.[0] ?? null;
}

/** By the brands of its `ftyp` box, the major one or a compatible one: HEIC files have the same container. */
function isAvif(bytes: Uint8Array): boolean {
  const length = Math.min(bytes[2]! * 256 + bytes[3]!, 256, bytes.length);
  const brands = String.fromCharCode(...bytes.subarray(8, length)).match(/.{4}/gs) ?? [];
  return brands.some((brand) => brand === 'avif' || brand === 'avis');
}

/** a * b / 255 rounded, as Pillow's MULDIV255. */
const multiply255 = (a: number, b: number): number => {
  const t = a * b + 128;
  return ((t >> 8) + t) >> 8;
};

/**
 * The bits that 16-bit samples use, where it is no more than a sixteenth of their range: up to 255 they are 8-bit data,
 * up to 4095 those of a camera of 10 or 12 bits. Their high byte alone would be all but black. undefined: all of them
 * (or the picture is black).
 */
export function usedBits(data: Uint8Array | Uint16Array): UsedBits | undefined {
  if (data instanceof Uint8Array) return undefined;
  let all = 0;
  for (const value of data) all |= value;
  if (all === 0 || all > 4095) return undefined;
  return all > 255 ? 12 : 8;
}

/**
 * 8-bit RGB with the pixel values of Pillow's `convert('RGB')`: no colour management, alpha dropped and not
 * blended, CMYK by (255 - C)(255 - K) / 255. 16-bit samples keep their high byte, or the upper 8 of the bits that they
 * use ({@link usedBits}); Pillow does the former for RGB, but clips 16-bit grey at 255, which would make nearly every
 * such image white.
 */
export function samplesToRgb({ width, height, channels, space, data }: Samples): RgbImage {
  const pixels = width * height;
  const bits = usedBits(colours(data, channels));
  const shift = data instanceof Uint16Array ? (bits ?? 16) - 8 : 0;
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
  return { width, height, data: out, ...(bits ? { usedBits: bits } : {}) };
}

/** The samples without alpha, which is full in most images. */
const colours = (data: Uint8Array | Uint16Array, channels: number): Uint8Array | Uint16Array =>
  channels % 2 || data instanceof Uint8Array ? data : data.filter((_, i) => (i + 1) % channels !== 0);

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

export type OddMask = 'empty' | 'full' | 'inverted';

/**
 * What is odd about the mask of an anomalous image: no anomalous pixel, nothing but anomalous ones, or an anomalous
 * border around a smaller normal part, as masks have that are white where the product is good.
 */
export function oddMask({ width, height, data }: Mask): OddMask | undefined {
  let anomalous = 0;
  for (const value of data) anomalous += value;
  if (anomalous === 0) return 'empty';
  if (anomalous === data.length) return 'full';
  if (anomalous <= data.length / 2) return undefined;
  for (let x = 0; x < width; x++) if (!data[x] || !data[(height - 1) * width + x]) return undefined;
  for (let y = 0; y < height; y++) if (!data[y * width] || !data[y * width + width - 1]) return undefined;
  return 'inverted';
}
