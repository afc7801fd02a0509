// An image file without what is no image: texts, profiles, thumbnails, further pages, each of which may be compressed a
// thousandfold or repeated a million times, and which decoders unpack before the first pixel.
import { ImageError } from './errors.ts';
import type { ImageFormat } from './image.ts';
import { stripTiff } from './metadata-tiff.ts';

export interface Stripped {
  /** The same array where there was nothing to take out. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As the file says; absent where this does not look for it. */
  readonly size?: { readonly width: number; readonly height: number };
}

/** EXIF says how a photograph was held; cameras write some 10 kB. */
const maxExif = 2 ** 16;

/** Progressive JPEGs have some ten; every one costs as much as the whole image. */
const maxScans = 100;

/**
 * Keeps what the pixels depend on, and EXIF of at most 64 KiB. What is damaged is left as it is: decoders refuse it.
 * @throws ImageError for a JPEG with more scans than any encoder makes
 */
export function withoutMetadata(bytes: Uint8Array<ArrayBuffer>, format: ImageFormat, name: string): Stripped {
  switch (format) {
    case 'png':
      return stripPng(bytes);
    case 'jpeg':
      return stripJpeg(bytes, name);
    case 'webp':
      return stripWebp(bytes);
    case 'tiff':
      return { bytes: stripTiff(bytes) };
    default:
      return { bytes };
  }
}

const viewOf = ({ buffer, byteOffset, length }: Uint8Array) => new DataView(buffer, byteOffset, length);
const nameAt = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));

/** Ranges of a file that are kept; neighbours become one. */
function keeper(bytes: Uint8Array<ArrayBuffer>) {
  const ranges: [number, number][] = [];
  return {
    keep(start: number, end: number) {
      const last = ranges.at(-1);
      if (last && last[1] === start) last[1] = end;
      else ranges.push([start, end]);
    },
    result(): Uint8Array<ArrayBuffer> {
      if (ranges.length === 1 && ranges[0]![0] === 0 && ranges[0]![1] === bytes.length) return bytes;
      const kept = new Uint8Array(ranges.reduce((sum, [start, end]) => sum + end - start, 0));
      let at = 0;
      for (const [start, end] of ranges) {
        kept.set(bytes.subarray(start, end), at);
        at += end - start;
      }
      return kept;
    },
  };
}

/** Critical chunks (a capital first), transparency, one EXIF. */
function stripPng(bytes: Uint8Array<ArrayBuffer>): Stripped {
  const view = viewOf(bytes);
  const { keep, result } = keeper(bytes);
  let at = 8;
  keep(0, at);
  let exif = false;
  while (at + 12 <= bytes.length) {
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) break;
    const type = nameAt(bytes, at + 4);
    const first: boolean = type === 'eXIf' && !exif && end - at <= maxExif;
    exif ||= first;
    if (type[0]! <= 'Z' || type === 'tRNS' || first) keep(at, end);
    at = end;
    if (type === 'IEND') at = bytes.length; // what follows is not the image's
  }
  if (at < bytes.length) keep(at, bytes.length);
  if (bytes.length < 24 || nameAt(bytes, 12) !== 'IHDR') return { bytes: result() };
  return { bytes: result(), size: { width: view.getUint32(16), height: view.getUint32(20) } };
}

/** Everything but comments and application segments, of which JFIF's, Adobe's (colour space) and one EXIF stay. */
function stripJpeg(bytes: Uint8Array<ArrayBuffer>, name: string): Stripped {
  const view = viewOf(bytes);
  const { keep, result } = keeper(bytes);
  const seen = new Set<number>();
  let size: Stripped['size'];
  let scans = 0;
  let at = 2;
  keep(0, at);
  for (;;) {
    // From one marker to the next: fill bytes, and what does not belong there, stay with what comes before.
    const start = at;
    while (at + 1 < bytes.length && !(bytes[at] === 0xff && bytes[at + 1]! > 0 && bytes[at + 1]! < 0xff))
      at++;
    if (at > start) keep(start, at);
    if (at + 4 > bytes.length) break;
    const marker = bytes[at + 1]!;
    if (marker === 0xd9) {
      keep(at, at + 2);
      at = bytes.length;
      break;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      keep(at, at + 2);
      at += 2;
      continue;
    }
    let end = at + 2 + view.getUint16(at + 2);
    if (end > bytes.length) break;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame && end - at >= 9) size ??= { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    if (marker === 0xda) {
      scans++;
      end = scanEnd(bytes, end);
    }
    if (scans > maxScans) throw new ImageError(name, `a JPEG of at most ${maxScans} scans`, 'more');
    const application = marker >= 0xe0 && marker <= 0xef;
    const wanted =
      marker === 0xe0 ||
      marker === 0xee ||
      (marker === 0xe1 && nameAt(bytes, at + 4) === 'Exif' && bytes[at + 8] === 0);
    if (application ? wanted && !seen.has(marker) : marker !== 0xfe) keep(at, end);
    if (application && wanted) seen.add(marker);
    at = end;
  }
  if (at < bytes.length) keep(at, bytes.length);
  return { bytes: result(), ...(size ? { size } : {}) };
}

/** Behind a scan's entropy-coded data: where a marker begins that is no restart. */
function scanEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next === undefined) break;
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}

const webpKept = ['VP8 ', 'VP8L', 'ALPH', 'ANIM', 'ANMF'];

/** The image, its alpha and one EXIF; the flags in VP8X say what is left. */
function stripWebp(bytes: Uint8Array<ArrayBuffer>): Stripped {
  const view = viewOf(bytes);
  const { keep, result } = keeper(bytes);
  let size: Stripped['size'];
  let extended = -1;
  let exif = false;
  let at = 12;
  let dropped = false;
  keep(0, at);
  while (at + 8 <= bytes.length) {
    const type = nameAt(bytes, at);
    const length = view.getUint32(at + 4, true);
    const end = Math.min(at + 8 + length + (length & 1), bytes.length);
    if (at + 8 + length > bytes.length) break;
    const first: boolean = type === 'EXIF' && !exif && length <= maxExif;
    exif ||= first;
    if (type === 'VP8X' && length >= 10 && extended < 0) {
      extended = at;
      const wide = (from: number) => 1 + (view.getUint32(from, true) & 0xffffff);
      size = { width: wide(at + 12), height: 1 + (view.getUint32(at + 14, true) >>> 8) };
    } else if (type === 'VP8 ' && length >= 10)
      size ??= {
        width: view.getUint16(at + 14, true) & 0x3fff,
        height: view.getUint16(at + 16, true) & 0x3fff,
      };
    else if (type === 'VP8L' && length >= 5) {
      const bits = view.getUint32(at + 9, true);
      size ??= { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
    }
    if (first || at === extended || webpKept.includes(type)) keep(at, end);
    else dropped = true;
    at = end;
  }
  if (at < bytes.length) keep(at, bytes.length);
  const sized = size ? { size } : {};
  if (!dropped) return { bytes, ...sized };
  const kept = result();
  // ICC, EXIF and XMP in the flags; RIFF's own length. The first chunk is the extended header, if there is one.
  if (extended === 12) kept[20] = (kept[20]! & ~0x2c) | (exif ? 0x08 : 0);
  viewOf(kept).setUint32(4, kept.length - 8, true);
  return { bytes: kept, ...sized };
}
