// SECURITY.md: what an image costs depends on its pixels, whatever else is in its file.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBudget } from '../src/base/budget.ts';
import { decodeImage } from '../src/data/image.node.ts';
import { sniffFormat } from '../src/data/image.ts';
import { withoutMetadata } from '../src/data/metadata.ts';
import { hasEsbuild } from '../testing/esbuild.ts';
import { pngChunk } from '../testing/png-chunk.ts';
import { type Child, createChild } from './security-child.ts';

const full = process.env.FAPROMPT_FULL === '1';
const ceiling = { mebibytes: 512, seconds: 10 };

let dir: string;
let child: Child | undefined;
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-test-'));
  if (hasEsbuild()) child = await createChild('./test/security-work.ts');
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
  await child?.remove();
});

const pixels = Buffer.from(Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7) & 255));
const image = () => sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } });

/** Chunks behind a PNG's header. */
async function png(...chunks: Buffer[]): Promise<Buffer> {
  const plain = await image().png().toBuffer();
  return Buffer.concat([plain.subarray(0, 33), ...chunks, plain.subarray(33)]);
}

/** Segments behind a JPEG's first marker. */
async function jpeg(progressive: boolean, ...segments: Buffer[]): Promise<Buffer> {
  const plain = await image().jpeg({ progressive, quality: 95 }).toBuffer();
  return Buffer.concat([plain.subarray(0, 2), ...segments, plain.subarray(2)]);
}
const segment = (marker: number, data: Buffer) =>
  Buffer.concat([Buffer.from([0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 255]), data]);

async function webp(...chunks: [string, Buffer][]): Promise<Buffer> {
  const plain = await image().webp({ lossless: true }).toBuffer();
  const header = Buffer.alloc(18);
  header.write('VP8X');
  header.writeUInt32LE(10, 4);
  header[8] = 0x2c;
  header.writeUIntLE(63, 12, 3);
  header.writeUIntLE(63, 15, 3);
  const extra = chunks.flatMap(([type, data]) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(data.length);
    return [Buffer.from(type), length, data, Buffer.alloc(data.length & 1)];
  });
  const bytes = Buffer.concat([plain.subarray(0, 12), header, plain.subarray(12), ...extra]);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  return bytes;
}

/** A little-endian TIFF of 8 x 8 grey pixels with more tags, and a chain of directories. */
function tiff(tags: [tag: number, type: number, count: number][], chain: number, payload: number): Buffer {
  const entries: [number, number, number, number][] = [
    [256, 3, 1, 8],
    [257, 3, 1, 8],
    [258, 3, 1, 8],
    [259, 3, 1, 1],
    [262, 3, 1, 1],
    [273, 4, 1, 8],
    [277, 3, 1, 1],
    [278, 3, 1, 8],
    [279, 4, 1, 64],
    ...tags.map(([tag, type, count]): [number, number, number, number] => [tag, type, count, 72]),
  ];
  const directory = 72 + payload;
  const length = 2 + 12 * entries.length + 4;
  const bytes = Buffer.alloc(directory + length * (1 + chain));
  bytes.write('II*\0', 'latin1');
  bytes.writeUInt32LE(directory, 4);
  for (let i = 0; i < 64; i++) bytes[8 + i] = i * 4;
  bytes.fill('x', 72, directory);
  for (let page = 0; page <= chain; page++) {
    const at = directory + page * length;
    bytes.writeUInt16LE(entries.length, at);
    entries.sort(([a], [b]) => a - b);
    for (const [i, [tag, type, count, value]] of entries.entries()) {
      const to = at + 2 + 12 * i;
      bytes.writeUInt16LE(tag, to);
      bytes.writeUInt16LE(type, to + 2);
      bytes.writeUInt32LE(count, to + 4);
      if (type === 3 && count === 1) bytes.writeUInt16LE(value, to + 8);
      else bytes.writeUInt32LE(value, to + 8);
    }
    bytes.writeUInt32LE(page < chain ? at + length : 0, at + length - 4);
  }
  return bytes;
}

const text = (type: string, size: number) => {
  const packed = deflateSync(Buffer.alloc(size, 'x'), { level: 9 });
  if (type === 'iTXt') return pngChunk(type, Buffer.concat([Buffer.from('k\0\x01\0\0\0', 'latin1'), packed]));
  return pngChunk(type, Buffer.concat([Buffer.from('k\0\0', 'latin1'), packed]));
};

const hostile: Record<string, () => Promise<Buffer> | Buffer> = {
  '500 compressed texts in a PNG': () => png(...Array<Buffer>(500).fill(text('zTXt', full ? 8e6 : 2e6))),
  '500 international texts in a PNG': () => png(...Array<Buffer>(500).fill(text('iTXt', full ? 8e6 : 2e6))),
  'a profile of 100 MB in a PNG': () => png(text('iCCP', 1e8)),
  '300 000 small texts in a PNG': () =>
    png(Buffer.concat(Array<Buffer>(300_000).fill(pngChunk('tEXt', Buffer.from('k\0v'))))),
  '9 MB of comments in a JPEG': () =>
    jpeg(false, ...Array<Buffer>(150).fill(segment(0xfe, Buffer.alloc(6e4)))),
  '9 MB of application segments in a JPEG': () =>
    jpeg(true, ...Array.from({ length: 150 }, (_, i) => segment(0xe1 + (i % 15), Buffer.alloc(6e4)))),
  '9 MB of XMP in a WebP': () => webp(['ICCP', Buffer.alloc(1e6)], ['XMP ', Buffer.alloc(9e6)]),
  '40 tags over the same 9 MB of a TIFF': () =>
    tiff(
      Array.from({ length: 40 }, (_, i) => [700 + i, 1, 3e7]),
      0,
      3e7,
    ),
  'a chain of 100 000 directories in a TIFF': () => tiff([], 100_000, 0),
};

describe.skipIf(!hasEsbuild())('a small image with much else in its file', () => {
  test('all of them, four at the same time, in one process', async () => {
    const files: string[] = [];
    for (const [name, make] of Object.entries(hostile)) {
      files.push(path.join(dir, name));
      await writeFile(files.at(-1)!, await make());
    }
    const { result, mebibytes } = await child!.run('each', 'decodeFour', files);
    for (const { file, error, seconds } of result as { file: string; error: string; seconds: number }[]) {
      expect(error, file).toBe('undefined');
      expect(seconds, file).toBeLessThan(ceiling.seconds);
    }
    expect(mebibytes).toBeLessThan(ceiling.mebibytes);
  });
});

describe('the pixels are those of the file as it was', () => {
  const same = async (bytes: Buffer, plain: Buffer) => {
    const found = await decodeImage(bytes, 'x');
    const expected = await sharp(plain).removeAlpha().toColourspace('srgb').raw().toBuffer();
    expect(Buffer.compare(Buffer.from(found.data), expected)).toBe(0);
  };
  test('PNG, JPEG, WebP', async () => {
    await same(await png(text('zTXt', 100), text('iCCP', 100)), await png());
    for (const progressive of [false, true])
      await same(
        await jpeg(progressive, segment(0xfe, Buffer.alloc(9)), segment(0xe5, Buffer.alloc(9))),
        await jpeg(progressive),
      );
    await same(
      await webp(['XMP ', Buffer.alloc(9)], ['ICCP', Buffer.alloc(9)]),
      await image().webp({ lossless: true }).toBuffer(),
    );
  });

  test('TIFF, and its first page alone', async () => {
    const found = await decodeImage(tiff([[700, 1, 1e5]], 3, 1e5), 'x');
    const plain = await decodeImage(tiff([], 0, 0), 'x');
    expect(found).toEqual(plain);
    expect(plain.data[3]).toBe(4);
  });

  test.each(['png', 'jpeg', 'webp', 'tiff'] as const)('EXIF orientation survives in a %s', async (format) => {
    const turned = await sharp(pixels.subarray(0, 32 * 64 * 3), {
      raw: { width: 64, height: 32, channels: 3 },
    })
      .withMetadata({ orientation: 6 })
      [format](format === 'webp' ? { lossless: true } : {})
      .toBuffer();
    expect(await decodeImage(turned, 'x')).toMatchObject({ width: 32, height: 64 });
  });

  test('nothing to take out: the same array; damage: nothing is thrown', async () => {
    for (const format of ['png', 'jpeg', 'webp', 'tiff'] as const) {
      const bytes = new Uint8Array(await image()[format]().toBuffer());
      expect(withoutMetadata(bytes, format, 'x').bytes.length).toBeLessThanOrEqual(bytes.length);
      for (let length = 0; length < Math.min(bytes.length, 400); length += 7)
        withoutMetadata(bytes.slice(0, length), format, 'x');
      for (let i = 0; i < 400 && i < bytes.length; i++) {
        const broken = bytes.slice();
        broken[i] = broken[i]! ^ 0xff;
        withoutMetadata(broken, format, 'x');
      }
      expect(sniffFormat(bytes)).toBe(format);
    }
  });

  test('the size is known before anything is decoded', async () => {
    for (const bytes of [await png(), await jpeg(true), await webp(), await image().webp().toBuffer()]) {
      const given = new Uint8Array(bytes);
      expect(withoutMetadata(given, sniffFormat(given)!, 'x').size).toEqual({ width: 64, height: 64 });
    }
  });

  test('a JPEG of 200 scans is refused', async () => {
    const plain = await jpeg(true);
    const last = plain.lastIndexOf(Buffer.from([0xff, 0xda]));
    const scan = plain.subarray(last, plain.length - 2);
    const many = Buffer.concat([
      plain.subarray(0, last),
      ...Array<Buffer>(200).fill(scan),
      plain.subarray(-2),
    ]);
    await expect(decodeImage(many, 'x')).rejects.toThrow(/x: expected a JPEG of at most 100 scans/);
  });
});

describe('memory is shared between images that are decoded at the same time', () => {
  test('by amounts, in order, the largest alone', async () => {
    const budget = createBudget(10);
    const log: string[] = [];
    const task = (name: string, amount: number) =>
      budget.run(amount, async () => {
        log.push(`+${name}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        log.push(`-${name}`);
      });
    await Promise.all([task('a', 4), task('b', 4), task('c', 99), task('d', 1)]);
    expect(log.slice(0, 2)).toEqual(['+a', '+b']);
    expect(log.slice(4)).toEqual(['+c', '-c', '+d', '-d']);
    await expect(budget.run(1, () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    await expect(budget.run(10, async () => 1)).resolves.toBe(1);
  });

  // A minute, and 2 GB: in the full run only.
  test.skipIf(!full)(
    'four images of 100 million 16-bit pixels stay below 2.5 GiB (FAPROMPT_FULL=1)',
    async () => {
      const file = path.join(dir, 'large.png');
      await sharp({ create: { width: 10_000, height: 10_000, channels: 3, background: 'red' } })
        .toColourspace('rgb16')
        .png({ compressionLevel: 1 })
        .toFile(file);
      const { result, mebibytes } = await child!.run('decode', file, 4);
      expect(result).toMatchObject([10_000, 10_000, expect.any(Number)]);
      expect(mebibytes).toBeLessThan(2560);
    },
  );
});
