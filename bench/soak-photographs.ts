// What drops into a station's folder on a long day: photographs, of which one in twenty is hostile or broken.
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { createRandom, type Random } from '../src/base/random.ts';
import { pngChunk } from '../testing/png-chunk.ts';

/** What arrives: how it is called, its bytes, whether there can be a result. */
export interface Photograph {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly good: boolean;
}

const side = 64;

async function picture(random: Random, format: 'png' | 'jpeg' | 'webp' | 'tiff'): Promise<Buffer> {
  const pixels = Buffer.from(Uint8Array.from({ length: side * side * 3 }, () => random.int(256)));
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    [format]()
    .toBuffer();
}

const bomb = deflateSync(Buffer.alloc(8e6, 'x'), { level: 9 });

/** What cannot give a result, and what tries to take a station down with one. */
const hostile: readonly ((random: Random) => Promise<{ bytes: Buffer; ending: string; good: boolean }>)[] = [
  async () => ({ bytes: Buffer.alloc(0), ending: '.png', good: false }),
  async () => ({
    bytes: Buffer.from('not an image \u001b[2J\r\nforged.png 0.1 pass'),
    ending: '.jpg',
    good: false,
  }),
  async (random) => {
    const whole = await picture(random, 'jpeg');
    return { bytes: whole.subarray(0, whole.length / 2), ending: '.jpg', good: false };
  },
  async (random) => {
    const bytes = await picture(random, 'png');
    bytes.writeUInt32BE(60_000, 16);
    bytes.writeUInt32BE(60_000, 20);
    return { bytes, ending: '.png', good: false };
  },
  async (random) => {
    const whole = await picture(random, 'png');
    return {
      bytes: Buffer.concat([whole.subarray(0, 60), Buffer.alloc(40, 0xff)]),
      ending: '.png',
      good: false,
    };
  },
  async (random) => {
    // 300 texts that unpack to 2.4 GB: none of the image's business, so there is a result.
    const whole = await picture(random, 'png');
    const texts = Array<Buffer>(300).fill(pngChunk('zTXt', Buffer.concat([Buffer.from('k\0\0'), bomb])));
    return {
      bytes: Buffer.concat([whole.subarray(0, 33), ...texts, whole.subarray(33)]),
      ending: '.png',
      good: true,
    };
  },
  async (random) => {
    const bytes = Buffer.from(await picture(random, 'tiff'));
    bytes.writeUInt32LE(0xfffffff0, 4); // a directory beyond the end
    return { bytes, ending: '.tif', good: false };
  },
];

export async function* photographs(count: number, seed: number): AsyncGenerator<Photograph> {
  const random = createRandom(seed);
  const formats = ['png', 'jpeg', 'webp', 'tiff'] as const;
  for (let i = 0; i < count; i++) {
    const number = String(i).padStart(5, '0');
    if (i % 20 === 10) {
      const { bytes, ending, good } = await hostile[Math.floor(i / 20) % hostile.length]!(random);
      yield { name: `odd ${number}${ending}`, bytes, good };
    } else {
      const format = formats[i % formats.length]!;
      yield { name: `${number}.${format}`, bytes: await picture(random, format), good: true };
    }
  }
}
