// Drawing that would hold up the page: generated samples, masks, and the files that are saved.
import { expose, transfer } from 'comlink';
import { drawImage } from '../../src/data/synth/draw.ts';
import { createArchive, distinctNames } from './archive.ts';
import { createFlood } from './flood.ts';
import {
  encodePng,
  isPainted,
  maskOfPainting,
  paintingOfMask,
  readMask,
  uniteMasks,
  writeMask,
} from './masks.ts';
import { numbers } from './numbers.ts';
import { captioned, picture } from './picture.ts';
import { mark } from './regions.ts';
import type { Row } from './table.ts';
import { withThreshold } from './threshold.ts';

export interface SampleOptions {
  readonly surface: Parameters<typeof drawImage>[0];
  /** null: without defect. */
  readonly defect: Parameters<typeof drawImage>[1];
  readonly seed: number;
  /** Pixels a side. */
  readonly size: number;
}

const api = {
  /** A surface from the synthetic generator as PNG; its mask too if there is a defect to be seen. */
  async sample({ surface, defect, seed, size }: SampleOptions): Promise<{ image: Blob; mask?: Blob }> {
    const drawn = drawImage(surface, defect, { seed, size });
    const rgba = new Uint8ClampedArray(4 * size * size).fill(255);
    for (let i = 0; i < size * size; i += 1) rgba.set(drawn.image.data.subarray(3 * i, 3 * i + 3), 4 * i);
    const image = await encodePng(size, size, rgba);
    return drawn.mask.data.includes(1) ? { image, mask: await writeMask(drawn.mask) } : { image };
  },

  mark,
  picture,
  captioned,
  distinctNames,
  /** A ZIP that grows. */
  openArchive: createArchive,
  numbers,
  /** Loaded when it is wanted. */
  async table(rows: readonly Row[]): Promise<Blob> {
    const { writeTable } = await import('./table.ts');
    return writeTable(rows);
  },

  /** Sizes of an image and of its mask; undefined: cannot be decoded. */
  async sizes(image: Blob, mask?: Blob): Promise<{ image?: Size; mask?: Size }> {
    const [imageSize, maskSize] = await Promise.all([sizeOf(image), mask && sizeOf(mask)]);
    return { ...(imageSize ? { image: imageSize } : {}), ...(maskSize ? { mask: maskSize } : {}) };
  },

  withThreshold,

  hasAnomaly: async (mask: Blob): Promise<boolean> => (await readMask(mask)).data.includes(1),
  uniteMasks,
  maskOfPainting,
  isPainted,
  /** Keeps a photograph's pixels for `flood`. */
  openFlood: createFlood,
  async paintingOfMask(mask: Blob): Promise<ImageBitmap> {
    const painting = await paintingOfMask(mask);
    return transfer(painting, [painting]);
  },
};

async function sizeOf(file: Blob): Promise<Size | undefined> {
  try {
    const bitmap = await createImageBitmap(file);
    const { width, height } = bitmap;
    bitmap.close();
    return { width, height };
  } catch {
    return undefined;
  }
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export type Studio = typeof api;

expose(api);
