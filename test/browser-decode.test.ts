import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../src/data/image.node.ts';
import { hasChromium } from '../testing/browser/chromium.ts';
import { drawn, raw } from '../testing/browser/fixtures.ts';
import { newContext, openPage, openTestSite, type TestPage } from '../testing/browser/open.ts';
import type { Site } from '../testing/browser/site.ts';

const side = 64;
const words = (count: number) => Uint16Array.from({ length: count }, (_, i) => (i * 7919) % 65536);
const wide = (channels: 1 | 3) =>
  sharp(words(side * side * channels), { raw: { width: side, height: side, channels } }).toColourspace(
    channels === 1 ? 'grey16' : 'rgb16',
  );
const { width, height } = drawn().image;
/** Every alpha from 0: what a 2D canvas would lose. */
const withAlpha = () =>
  raw().joinChannel(Buffer.from(Array.from({ length: width * height }, (_, i) => i % 256)), {
    raw: { width, height, channels: 1 },
  });
const turned = () =>
  raw().extract({ left: 0, top: 0, width: 100, height: 60 }).withMetadata({ orientation: 6 });

const same: Readonly<Record<string, () => Sharp>> = {
  PNG: () => raw().png(),
  'PNG with alpha': () => withAlpha().png(),
  'PNG with a palette': () => raw().png({ palette: true }),
  'grey PNG': () => raw().toColourspace('b-w').png(),
  '16-bit PNG': () => wide(3).png(),
  '16-bit grey PNG': () => wide(1).png(),
  'PNG with a wide-gamut profile': () => raw().withIccProfile('p3').png(),
  'PNG turned by EXIF': () => turned().png(),
  'JPEG 4:4:4': () => raw().jpeg({ quality: 90, chromaSubsampling: '4:4:4' }),
  'JPEG 4:2:0': () => raw().jpeg({ quality: 90, chromaSubsampling: '4:2:0' }),
  'progressive JPEG': () => raw().jpeg({ quality: 75, progressive: true }),
  'grey JPEG': () => raw().toColourspace('b-w').jpeg(),
  'JPEG with a wide-gamut profile': () => raw().withIccProfile('p3').jpeg(),
  'JPEG turned by EXIF': () => turned().jpeg(),
  WebP: () => raw().webp({ quality: 80 }),
  'lossless WebP': () => raw().webp({ lossless: true }),
};

describe.skipIf(!hasChromium())('decoding in a browser', () => {
  let site: Site;
  let opened: TestPage;
  beforeAll(async () => {
    site = await openTestSite();
    opened = await openPage(await newContext(), site);
  });
  afterAll(async () => {
    await opened?.close();
    await site?.close();
  });

  const compare = async (file: Uint8Array) => {
    const expected = await decodeImage(file, 'file');
    site.files.set('/file', file);
    site.files.set('/pixels', expected.data);
    return { expected, found: await opened.page.evaluate(() => pages.decode('/file', '/pixels')) };
  };

  test.each(Object.keys(same))('%s: the pixels that Node decodes', async (kind) => {
    const { expected, found } = await compare(await same[kind]!().toBuffer());
    expect(found).toEqual({ width: expected.width, height: expected.height, worst: 0 });
  });

  test('CMYK JPEG: within rounding', async () => {
    const { found } = await compare(await raw().toColourspace('cmyk').jpeg().toBuffer());
    expect(found).toMatchObject({ width, height });
    expect((found as { worst: number }).worst).toBeLessThanOrEqual(1);
  });

  test('larger than a tile', async () => {
    const { found } = await compare(await raw().resize(2100, 40, { fit: 'fill' }).png().toBuffer());
    expect(found).toEqual({ width: 2100, height: 40, worst: 0 });
  });

  test.each([
    ['a truncated JPEG', async () => (await raw().jpeg().toBuffer()).subarray(0, 3000), /damaged/],
    ['a truncated PNG', async () => (await raw().png().toBuffer()).subarray(0, 9000), /damaged/],
    ['an empty file', async () => Buffer.alloc(0), /an empty file/],
    ['a text', async () => Buffer.from('hello'), /expected a readable PNG.*found the text "hello"/],
    ['a Git LFS pointer', async () => Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /Git LFS/],
    ['HEIC', async () => Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic'), /a HEIC image/],
    [
      '12 bits of 16',
      () =>
        sharp(
          words(side * side).map((value) => value >> 4),
          { raw: { width: side, height: side, channels: 1 } },
        )
          .toColourspace('grey16')
          .png()
          .toBuffer(),
      /use their 16 bits, found none above 4095/,
    ],
    ['TIFF', () => raw().tiff().toBuffer(), /TIFF, which this browser cannot decode/],
  ])('%s is refused by name', async (_, make, message) => {
    site.files.set('/bad', await make());
    const found = await opened.page.evaluate(() => pages.decode('/bad', '/bad'));
    expect(found).toMatchObject({ problem: expect.stringMatching(message) });
    expect(found).toMatchObject({ problem: expect.stringContaining('/bad') });
  });
});
