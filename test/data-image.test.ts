import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFileAtomic } from '../src/base/files.node.ts';
import { ImageError, MaskError } from '../src/data/errors.ts';
import { decodeImage, encodePng, readImage, readMask } from '../src/data/image.node.ts';
import { luma, samplesToMask, samplesToRgb, sniffFormat } from '../src/data/image.ts';
import { pillowCases } from './data-pillow-cases.ts';

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'faprompt-image-'));
});
afterAll(() => rm(folder, { recursive: true }));

const inFolder = async (name: string, bytes: Uint8Array | string): Promise<string> => {
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  return file;
};

/** The error that a promise rejects with, which must be an ImageError about `file`. */
async function imageError(promise: Promise<unknown>, file: string): Promise<ImageError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ImageError);
  const imageError = error as ImageError;
  expect(imageError.file).toBe(file);
  expect(imageError.message).toContain(file);
  return imageError;
}

describe('decodeImage gives the pixels of Pillow', () => {
  it.each(Object.entries(pillowCases))('%s', async (name, expected) => {
    const image = await decodeImage(bytesOf(expected.file), name);
    expect([image.width, image.height]).toEqual([expected.width, expected.height]);
    const rgb = inflateSync(bytesOf(expected.rgb));
    expect(image.data.length).toBe(rgb.length);
    // Lossless formats exactly; JPEG and lossy WebP to the rounding in which decoders may differ.
    const tolerance = /\.jpg$|lossy/.test(name) ? 2 : 0;
    let worst = 0;
    for (let i = 0; i < rgb.length; i++) worst = Math.max(worst, Math.abs(rgb[i]! - image.data[i]!));
    expect(worst).toBeLessThanOrEqual(tolerance);
  });

  it('16-bit grey, which Pillow would clip, keeps its high byte', async () => {
    const values = new Uint16Array([0, 255, 256, 4660, 65535, 32768]);
    const png = await sharp(values, { raw: { width: 3, height: 2, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    const { data } = await decodeImage(png, 'grey16.png');
    expect([...data]).toEqual([...values].flatMap((v) => [v >> 8, v >> 8, v >> 8]));
  });

  it('a colour profile is not applied', async () => {
    const pixels = Buffer.from([200, 30, 60, 10, 220, 90]);
    const png = await sharp(pixels, { raw: { width: 2, height: 1, channels: 3 } })
      .withIccProfile('p3', { attach: true })
      .png()
      .toBuffer();
    const { icc } = await sharp(png).metadata();
    expect(icc).toBeDefined();
    const stored = await sharp(png, { ignoreIcc: true }).raw().toBuffer();
    expect([...(await decodeImage(png, 'p3.png')).data]).toEqual([...stored]);
    expect([...(await sharp(png).raw().toBuffer())]).not.toEqual([...stored]);
  });

  it('a 1 x 1 image', async () => {
    const png = await encodePng({ width: 1, height: 1, data: Uint8Array.of(1, 2, 3) });
    expect(await decodeImage(png, 'one.png')).toEqual({ width: 1, height: 1, data: Uint8Array.of(1, 2, 3) });
  });
});

describe('bad images are refused with the file, what was expected and what was found', () => {
  it('empty', async () => {
    const file = await inFolder('empty.png', '');
    expect((await imageError(readImage(file), file)).found).toBe('an empty file');
  });

  it('missing, and a folder', async () => {
    const file = path.join(folder, 'none.png');
    expect((await imageError(readImage(file), file)).found).toBe('ENOENT');
    expect((await imageError(readImage(folder), folder)).found).toBe('a folder');
  });

  it('text named .png, and a format that is not ours', async () => {
    const file = await inFolder('text.png', 'not an image at all');
    expect((await imageError(readImage(file), file)).found).toContain('not an i');
    for (const [bytes, found] of [
      ['version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n', 'a Git LFS pointer'],
      ['<!DOCTYPE html><html></html>', 'an HTML page'],
      ['{"error": "not found"}', 'JSON'],
      ['\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'a HEIC image'],
      ['\0\0\0\x0cjP  \r\n\x87\n', 'a JPEG 2000 image'],
      ['\x1f\x8b\x08', 'a gzip archive'],
    ] as const)
      expect((await imageError(decodeImage(Buffer.from(bytes, 'latin1'), 'a.png'), 'a.png')).found).toContain(
        found,
      );
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>');
    await imageError(decodeImage(svg, 'a.svg'), 'a.svg');
  });

  it('GIF (its first picture) and AVIF of 8 and 10 bits are read', async () => {
    const pixels = (value: number) => Buffer.alloc(3 * 16 * 16, value);
    const raw = { width: 16, height: 16, channels: 3 } as const;
    const gif = await sharp(Buffer.concat([pixels(40), pixels(200)]), {
      raw: { ...raw, height: 32, pageHeight: 16 },
    })
      .gif()
      .toBuffer();
    const first = await decodeImage(gif, 'a.gif');
    expect([first.width, first.height, first.data[0]]).toEqual([16, 16, 40]);
    for (const bitdepth of [8, 10] as const) {
      const avif = await sharp(pixels(120), { raw }).avif({ quality: 90, bitdepth }).toBuffer();
      const { width, height, data } = await decodeImage(avif, 'a.avif');
      expect([width, height, Math.abs(data[0]! - 120) <= 2]).toEqual([16, 16, true]);
    }
  });

  it('16-bit samples that use 8 or 12 bits are read by these, and said', async () => {
    const png = (top: number) =>
      sharp(Uint16Array.from([0, top >> 1, top]), { raw: { width: 3, height: 1, channels: 1 } })
        .toColourspace('grey16')
        .png()
        .toBuffer();
    const read = async (top: number) => {
      const { data, usedBits } = await decodeImage(await png(top), 'a.png');
      return [data[3], data[6], usedBits];
    };
    expect(await read(65535)).toEqual([127, 255, undefined]);
    expect(await read(4096)).toEqual([8, 16, undefined]);
    expect(await read(4095)).toEqual([127, 255, 12]);
    expect(await read(1023)).toEqual([31, 63, 12]);
    expect(await read(255)).toEqual([127, 255, 8]);
    expect(await read(0)).toEqual([0, 0, undefined]);
  });

  it.each(['rgb.png', 'jpeg.jpg', 'rgb.tiff', 'lossless.webp', '24bit.bmp', '4bit.bmp'])(
    'truncated anywhere: %s',
    async (name) => {
      const bytes = bytesOf(pillowCases[name]!.file);
      for (const share of [0.05, 0.3, 0.6, 0.8]) {
        await imageError(decodeImage(bytes.subarray(0, Math.floor(bytes.length * share)), name), name);
      }
    },
  );

  it('a header that promises too many pixels, before decoding', async () => {
    const png = bytesOf(pillowCases['rgb.png']!.file).slice();
    const header = new DataView(png.buffer);
    header.setUint32(16, 60_000);
    header.setUint32(20, 50_000);
    // The header's checksum no longer holds, so write the right one (CRC-32 of type and data).
    header.setUint32(29, crc32(png.subarray(12, 29)));
    const error = await imageError(decodeImage(png, 'huge.png'), 'huge.png');
    expect(error.expected).toBe('at most 100000000 pixels');
    expect(error.found).toBe('60000 x 50000');
    expect((await imageError(decodeImage(png, 'huge.png', { maxPixels: 4e9 }), 'huge.png')).found).not.toBe(
      '60000 x 50000',
    );

    const small = bytesOf(pillowCases['24bit.bmp']!.file);
    const { found } = await imageError(decodeImage(small, 'small.bmp', { maxPixels: 14 }), 'small.bmp');
    expect(found).toBe('5 x 3');
  });

  it('BMP whose header contradicts the file', async () => {
    const change = async (name: string, edit: (view: DataView) => void): Promise<ImageError> => {
      const bytes = bytesOf(pillowCases[name]!.file).slice();
      edit(new DataView(bytes.buffer));
      return imageError(decodeImage(bytes, 'bad.bmp'), 'bad.bmp');
    };
    expect((await change('24bit.bmp', (v) => v.setInt32(18, 100_000, true))).found).toMatch(
      /48 at offset 54/,
    );
    expect((await change('24bit.bmp', (v) => v.setInt32(18, -5, true))).expected).toContain('positive size');
    expect((await change('24bit.bmp', (v) => v.setUint16(28, 7, true))).found).toBe('7');
    expect((await change('24bit.bmp', (v) => v.setUint32(30, 1, true))).found).toContain('compression 1');
    expect((await change('24bit.bmp', (v) => v.setUint32(10, 4, true))).found).toContain('offset 4');
    expect((await change('565.bmp', (v) => v.setUint32(54, 0b1011, true))).expected).toContain(
      'adjacent bits',
    );
    // A palette of one colour, and pixels that ask for more.
    expect((await change('4bit.bmp', (v) => v.setUint32(46, 1, true))).expected).toContain('index below 1');
  });

  it('samples that have no 8-bit meaning', async () => {
    expect((await imageError(decodeImage(floatTiff(), 'float.tif'), 'float.tif')).found).toContain('float');
  });
});

describe('readMask', () => {
  const grey = (data: number[], width = 3): Promise<Uint8Array> =>
    encodePng({ width, height: data.length / width, data: Uint8Array.from(data) });

  it('is 1 where the grey value is above 0', async () => {
    const file = await inFolder('mask.png', await grey([0, 1, 2, 127, 255, 0]));
    expect(await readMask(file)).toEqual({ width: 3, height: 2, data: Uint8Array.of(0, 1, 1, 1, 1, 0) });
  });

  it('reads colour through its luma, as Pillow does, and 16 bits without losing small labels', async () => {
    // (0, 0, 1) has luma 0 after rounding; (1, 0, 0) too; (0, 1, 0) has 1.
    const file = await inFolder(
      'colour.png',
      await encodePng({ width: 3, height: 1, data: Uint8Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0) }),
    );
    expect([...(await readMask(file)).data]).toEqual([0, 0, 1]);
    expect([luma(255, 255, 255), luma(255, 0, 0), luma(0, 0, 0)]).toEqual([255, 76, 0]);
    const deep = await sharp(new Uint16Array([0, 1, 300]), { raw: { width: 3, height: 1, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect([...(await readMask(await inFolder('deep.png', deep))).data]).toEqual([0, 1, 1]);
  });

  it('refuses a mask of another size than its image', async () => {
    const file = await inFolder('size.png', await grey([0, 1, 0, 0, 0, 0]));
    await expect(readMask(file, { width: 3, height: 2 })).resolves.toBeDefined();
    const error = (await readMask(file, { width: 2, height: 3 }).catch((e: unknown) => e)) as MaskError;
    expect(error).toBeInstanceOf(MaskError);
    expect([error.file, error.found]).toEqual([file, '3 x 2']);
    expect(error.expected).toContain('2 x 3');
  });
});

describe('conversions', () => {
  it('sniffs formats by content', () => {
    const found = Object.entries(pillowCases).map(([name, { file }]) => [name, sniffFormat(bytesOf(file))]);
    for (const [name, format] of found) {
      const extension = path.extname(name!).slice(1).replace('jpg', 'jpeg');
      expect([name, format]).toEqual([name, extension]);
    }
    expect(sniffFormat(new Uint8Array(0))).toBeNull();
    expect(sniffFormat(new TextEncoder().encode('RIFF....WAVE'))).toBeNull();
  });

  it('drops alpha instead of blending', () => {
    const samples = {
      width: 1,
      height: 1,
      channels: 4,
      space: 'rgb',
      data: Uint8Array.of(9, 8, 7, 0),
    } as const;
    expect([...samplesToRgb(samples).data]).toEqual([9, 8, 7]);
    const la = {
      width: 2,
      height: 1,
      channels: 2,
      space: 'grey',
      data: Uint8Array.of(5, 0, 0, 255),
    } as const;
    expect([...samplesToRgb(la).data]).toEqual([5, 5, 5, 0, 0, 0]);
    expect([...samplesToMask(la).data]).toEqual([1, 0]);
  });
});

describe('writing', () => {
  it('encodePng stores RGB and grey without loss', async () => {
    const rgb = { width: 3, height: 2, data: Uint8Array.from({ length: 18 }, (_, i) => i * 14) };
    expect(await decodeImage(await encodePng(rgb), 'rgb.png')).toEqual(rgb);
    const png = await encodePng({ width: 2, height: 2, data: Uint8Array.of(0, 1, 128, 255) });
    expect((await sharp(png).metadata()).channels).toBe(1);
    expect([...(await decodeImage(png, 'grey.png')).data]).toEqual(
      [0, 1, 128, 255].flatMap((v) => [v, v, v]),
    );
    await imageError(encodePng({ width: 2, height: 2, data: new Uint8Array(8) }), 'PNG to write');
  });

  it('writeFileAtomic makes folders, replaces, and leaves nothing behind', async () => {
    const file = path.join(folder, 'a', 'b', 'out.bin');
    await writeFileAtomic(file, Uint8Array.of(1, 2));
    await writeFileAtomic(file, 'new');
    expect(await readFile(file, 'utf8')).toBe('new');
    expect(await readdir(path.dirname(file))).toEqual(['out.bin']);
    // The target is a folder: renaming fails, and the temporary file goes.
    await expect(writeFileAtomic(path.join(folder, 'a', 'b'), 'x')).rejects.toThrow();
    expect(await readdir(path.join(folder, 'a'))).toEqual(['b']);
  });
});

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A 2 x 2 TIFF of 32-bit floats. */
function floatTiff(): Uint8Array {
  const tags: [tag: number, type: 3 | 4, value: number][] = [
    [256, 3, 2],
    [257, 3, 2],
    [258, 3, 32],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 8],
    [277, 3, 1],
    [278, 3, 2],
    [279, 4, 16],
    [339, 3, 3],
  ];
  const view = new DataView(new ArrayBuffer(24 + 2 + 12 * tags.length + 4));
  view.setUint32(0, 0x49492a00);
  view.setUint32(4, 24, true);
  [0.5, 3, -1, 1e9].forEach((value, i) => {
    view.setFloat32(8 + 4 * i, value, true);
  });
  view.setUint16(24, tags.length, true);
  tags.forEach(([tag, type, value], i) => {
    const at = 26 + 12 * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, 1, true);
    if (type === 3) view.setUint16(at + 8, value, true);
    else view.setUint32(at + 8, value, true);
  });
  return new Uint8Array(view.buffer);
}
