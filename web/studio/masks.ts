// Masks as files and as pixels, off the main thread.
import type { Mask } from '../../src/data/image.ts';

/** A PNG of RGBA pixels. */
export async function encodePng(
  width: number,
  height: number,
  rgba: Uint8ClampedArray<ArrayBuffer>,
): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(new ImageData(rgba, width, height), 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}

function pixelsOf(bitmap: ImageBitmap): ImageData {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

/** 1 where a mask's file is not black. */
export async function readMask(file: Blob): Promise<Mask> {
  const { width, height, data } = pixelsOf(await createImageBitmap(file));
  // JPEG leaves noise around black; PNG and the like do not.
  const limit = file.type === 'image/jpeg' ? 127 : 0;
  const set = Uint8Array.from({ length: width * height }, (_, i) =>
    Number(Math.max(data[4 * i]!, data[4 * i + 1]!, data[4 * i + 2]!) > limit),
  );
  return { width, height, data: set };
}

/** A mask's file: white where 1, on black. */
export function writeMask({ width, height, data }: Mask): Promise<Blob> {
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  data.forEach((set, i) => {
    rgba.fill(255 * set, 4 * i, 4 * i + 3);
  });
  return encodePng(width, height, rgba);
}

/** The union of masks of one size, as a file. */
export async function uniteMasks(files: readonly Blob[]): Promise<Blob> {
  const [first, ...others] = await Promise.all(files.map(readMask));
  for (const { width, height, data } of others) {
    if (width !== first!.width || height !== first!.height)
      throw new Error('masks of one image differ in size');
    data.forEach((set, i) => {
      first!.data[i]! |= set;
    });
  }
  return writeMask(first!);
}

/** The file of what was painted; undefined where nothing was. */
export async function maskOfPainting(painting: ImageBitmap): Promise<Blob | undefined> {
  const { width, height, data } = pixelsOf(painting);
  const set = Uint8Array.from({ length: width * height }, (_, i) => Number(data[4 * i + 3]! > 127));
  return set.includes(1) ? writeMask({ width, height, data: set }) : undefined;
}

/** Whether anything is painted. */
export function isPainted(painting: ImageBitmap): boolean {
  const { data } = pixelsOf(painting);
  for (let i = 3; i < data.length; i += 4) if (data[i]! > 127) return true;
  return false;
}

/** A mask to paint on: opaque where it is set, else transparent. */
export async function paintingOfMask(file: Blob): Promise<ImageBitmap> {
  const { width, height, data } = await readMask(file);
  const rgba = new Uint8ClampedArray(4 * width * height);
  data.forEach((set, i) => {
    if (set) rgba.set([255, 59, 48, 255], 4 * i);
  });
  return createImageBitmap(new ImageData(rgba, width, height));
}
