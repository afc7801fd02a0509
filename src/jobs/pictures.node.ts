// Pictures that the commands write.
import { open } from 'node:fs/promises';
import { writeFileAtomic } from '../base/files.node.ts';
import type { AnomalyMap } from '../data/heatmap.ts';
import { encodePng, pngOfPhotograph } from '../data/image.node.ts';
import type { Mask, RgbImage } from '../data/image.ts';
import { loadSharp } from '../data/sharp.node.ts';

/** Says in a PNG that this program made it: a result of ours may be written anew, a picture of the user's may not. */
const signature = pngChunk('tEXt', 'Software\0faprompt');

/** A PNG chunk: length, type, content, CRC-32 of type and content (PNG specification, 5.3). */
function pngChunk(type: string, content: string): Buffer {
  const body = Buffer.from(type + content, 'latin1');
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4);
  body.copy(chunk, 4);
  let crc = 0xffffffff;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  chunk.writeUInt32BE(~crc >>> 0, body.length + 4);
  return chunk;
}

/** Bytes of a PNG's own signature and its first chunk, IHDR. */
const pngStart = 33;

const signed = (png: Uint8Array): Uint8Array =>
  Buffer.concat([png.subarray(0, pngStart), signature, png.subarray(pngStart)]);

/** Whether a file is a picture that this program wrote. false for one that is not there or cannot be read. */
export async function isOwnPicture(file: string): Promise<boolean> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (!handle) return false;
  try {
    const found = Buffer.alloc(signature.length);
    await handle.read(found, 0, found.length, pngStart);
    return found.equals(signature);
  } catch {
    return false;
  } finally {
    await handle.close();
  }
}

/** A map in [0, 1] as a 16-bit grey PNG: value / 65535. */
export async function writeMap(file: string, { width, height, values }: AnomalyMap): Promise<void> {
  const words = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i += 1)
    words[i] = Math.round(65535 * Math.max(0, Math.min(1, values[i]!)));
  const sharp = await loadSharp();
  const png = await sharp(words, { raw: { width, height, channels: 1 } })
    .toColourspace('grey16')
    .png(pngOfPhotograph)
    .toBuffer();
  await writeFileAtomic(file, signed(png));
}

export const writeImage = async (file: string, image: RgbImage): Promise<void> =>
  writeFileAtomic(file, signed(await encodePng(image)));

/** Squares of `size` pixels, row by row on white, images squashed into them. */
export async function writeContactSheet(
  file: string,
  rows: readonly (readonly RgbImage[])[],
  size: number,
): Promise<void> {
  const sharp = await loadSharp();
  const gap = 4;
  const columns = Math.max(...rows.map((row) => row.length));
  const at = (i: number) => gap + i * (size + gap);
  const tiles = await Promise.all(
    rows.flatMap((row, y) =>
      row.map(async ({ width, height, data }, x) => ({
        input: await sharp(data, { raw: { width, height, channels: 3 } })
          .resize(size, size, { fit: 'fill' })
          .png()
          .toBuffer(),
        left: at(x),
        top: at(y),
      })),
    ),
  );
  const sheet = sharp({
    create: { width: at(columns), height: at(rows.length), channels: 3, background: 'white' },
  });
  await writeFileAtomic(file, signed(await sheet.composite(tiles).png().toBuffer()));
}

/** A mask as a picture: white where it is set. */
export const maskPicture = ({ width, height, data }: Mask): RgbImage => ({
  width,
  height,
  data: Uint8Array.from({ length: 3 * data.length }, (_, i) => (data[Math.floor(i / 3)] ? 255 : 0)),
});
