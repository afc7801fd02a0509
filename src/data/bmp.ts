/**
 * A BMP decoder, because sharp's libvips is built without one and the packages on npm lack depths, ignore the
 * pixel offset or allocate whatever a damaged header asks for. Uncompressed BMP of 1, 4, 8 (palette), 16, 24
 * and 32 bits, with or without colour masks, bottom-up or top-down. Colours are scaled as Pillow does.
 */
import { ImageError } from './errors.ts';
import type { RgbImage } from './image.ts';

export interface BmpHeader {
  width: number;
  height: number;
  topDown: boolean;
  bits: 1 | 4 | 8 | 16 | 24 | 32;
  /** Offset of the first row stored. */
  pixels: number;
  /** Bytes of one row, with its padding to 4. */
  stride: number;
  /** RGB triples; empty without a palette. */
  palette: Uint8Array;
  /** Red, green and blue bits of a 16- or 32-bit pixel. */
  masks: [number, number, number];
}

const depths = [1, 4, 8, 16, 24, 32] as const;
const isDepth = (bits: number): bits is BmpHeader['bits'] => (depths as readonly number[]).includes(bits);

/** Position of the lowest bit of a colour mask, and the largest value of that colour. */
const channelOf = (mask: number): { shift: number; max: number } => {
  const shift = 31 - Math.clz32(mask & -mask);
  return { shift, max: mask >>> shift };
};

const isChannelMask = (mask: number): boolean => {
  const { max } = channelOf(mask);
  return mask !== 0 && max <= 0xffff && (max & (max + 1)) === 0;
};

/** Header and palette of a BMP, checked against the file's length; throws {@link ImageError}. */
export function readBmpHeader(bytes: Uint8Array, name: string): BmpHeader {
  const fail = (expected: string, found: string): never => {
    throw new ImageError(name, `BMP: ${expected}`, found);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 26) fail('a header of at least 26 bytes', `${bytes.length} bytes`);
  const pixels = view.getUint32(10, true);
  const headerSize = view.getUint32(14, true);
  const core = headerSize === 12;
  if (!core && (headerSize < 40 || headerSize > 124)) {
    fail('a header of 12 or of 40 to 124 bytes', `${headerSize}`);
  }
  if (bytes.length < 14 + headerSize) fail(`a header of ${headerSize} bytes`, 'the end of the file');
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = core ? view.getUint16(20, true) : view.getInt32(22, true);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) fail('a positive size', `${width} x ${signedHeight}`);
  const bits = view.getUint16(core ? 24 : 28, true);
  if (!isDepth(bits)) return fail(`${depths.join(', ')} bits a pixel`, `${bits}`);
  const compression = core ? 0 : view.getUint32(30, true);
  const masked = compression === 3 || compression === 6;
  if (compression !== 0 && !(masked && (bits === 16 || bits === 32))) {
    fail('an uncompressed image', `compression ${compression} at ${bits} bits`);
  }
  let tables = 14 + headerSize;
  let masks: BmpHeader['masks'] = bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  if (masked) {
    if (bytes.length < 66) fail('three colour masks', 'the end of the file');
    masks = [view.getUint32(54, true), view.getUint32(58, true), view.getUint32(62, true)];
    if (!masks.every(isChannelMask)) {
      fail(
        'a mask of up to 16 adjacent bits for each colour',
        masks.map((mask) => `0x${mask.toString(16)}`).join(', '),
      );
    }
    if (headerSize === 40) tables += compression === 6 ? 16 : 12;
  }
  const stride = Math.floor((width * bits + 31) / 32) * 4;
  if (pixels < tables || pixels + stride * height > bytes.length) {
    fail(
      `${stride * height} bytes of pixels after the header (${width} x ${height}, ${bits} bits)`,
      `${Math.max(0, bytes.length - pixels)} at offset ${pixels}`,
    );
  }
  return {
    width,
    height,
    topDown: signedHeight < 0,
    bits,
    pixels,
    stride,
    palette: bits > 8 ? new Uint8Array(0) : readPalette(),
    masks,
  };

  function readPalette(): Uint8Array {
    const entry = core ? 3 : 4;
    const declared = core ? 0 : view.getUint32(46, true);
    const room = Math.floor((pixels - tables) / entry);
    const count = Math.min(declared || 1 << bits, 1 << bits, room);
    if (count === 0) fail('a palette', 'none');
    const palette = new Uint8Array(3 * count);
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < 3; c++) palette[3 * i + c] = bytes[tables + i * entry + 2 - c]!;
    }
    return palette;
  }
}

/** The pixels of a BMP as RGB, rows from the top; throws {@link ImageError} with `name`. */
export function decodeBmp(bytes: Uint8Array, name: string): RgbImage {
  const header = readBmpHeader(bytes, name);
  const { width, height, bits, stride, palette } = header;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const channels = header.masks.map(channelOf);
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const row = header.pixels + stride * (header.topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) {
      const out = 3 * (y * width + x);
      if (bits <= 8) {
        const bit = x * bits;
        const index = (bytes[row + (bit >> 3)]! >> (8 - bits - (bit & 7))) & ((1 << bits) - 1);
        if (3 * index >= palette.length) {
          throw new ImageError(name, `BMP: a palette index below ${palette.length / 3}`, `${index}`);
        }
        data.set(palette.subarray(3 * index, 3 * index + 3), out);
      } else if (bits === 24) {
        for (let c = 0; c < 3; c++) data[out + c] = bytes[row + 3 * x + 2 - c]!;
      } else {
        const pixel = bits === 16 ? view.getUint16(row + 2 * x, true) : view.getUint32(row + 4 * x, true);
        channels.forEach(({ shift, max }, c) => {
          data[out + c] = Math.floor((((pixel >>> shift) & max) * 255) / max);
        });
      }
    }
  }
  return { width, height, data };
}
