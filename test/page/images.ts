// Images that page tests make: surfaces of the generator, masks, files that are none.
import sharp from 'sharp';
import { drawImage } from '../../src/data/synth/draw.ts';

export interface UploadFile {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

const png = (name: string, buffer: Buffer): UploadFile => ({ name, mimeType: 'image/png', buffer });

/** A tile, cracked or not. */
export async function tile(
  name: string,
  {
    defect = null,
    seed = 1,
    size = 96,
    height = size,
  }: { defect?: 'crack' | null; seed?: number; size?: number; height?: number } = {},
): Promise<UploadFile> {
  const { data, width, height: rows } = drawImage('tile', defect, { seed, size }).image;
  const image = sharp(data, { raw: { width, height: rows, channels: 3 } });
  return png(
    name,
    await (height === size ? image : image.resize(size, height, { fit: 'fill' })).png().toBuffer(),
  );
}

/** A mask with a white square in its middle. */
export async function mask(name: string, width = 96, height = width): Promise<UploadFile> {
  const side = Math.floor(Math.min(width, height) / 3);
  const square = await sharp({ create: { width: side, height: side, channels: 3, background: 'white' } })
    .png()
    .toBuffer();
  const black = sharp({ create: { width, height, channels: 3, background: 'black' } });
  return png(
    name,
    await black
      .composite([{ input: square }])
      .png()
      .toBuffer(),
  );
}

export const noImage = (name = 'broken.png'): UploadFile => png(name, Buffer.from('no image'));
export const textFile = (name = 'notes.txt'): UploadFile => ({
  name,
  mimeType: 'text/plain',
  buffer: Buffer.from('not a photograph'),
});
