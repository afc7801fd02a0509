import { mkdirSync } from 'node:fs';
import { readdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder, writeAside } from '../../base/files.node.ts';
import { DatasetError } from '../errors.ts';
import { encodePng } from '../image.node.ts';
import type { Mask, RgbImage } from '../image.ts';
import {
  type DatasetItem,
  defaultImageSize,
  drawItem,
  metaOf,
  planDataset,
  type SynthItem,
  type SynthOptions,
} from './generate.ts';

/** What an item shows. */
export interface DrawnItem {
  readonly image: RgbImage;
  readonly mask: Mask;
  readonly caption: string;
}

/** Writes a synthetic data set, as `writeDataset` does. The same options give the same bytes. @throws DatasetError, RangeError */
export async function generate(
  dir: string,
  options: SynthOptions,
  onProgress?: (done: number, total: number) => void,
): Promise<SynthItem[]> {
  const items = planDataset(options);
  const size = options.imageSize ?? defaultImageSize;
  await writeDataset(dir, items, (item) => drawItem(item, size), onProgress);
  return items;
}

/**
 * Writes a data set to `dir` in MVTec AD's layout, with meta.json: RGB PNG images, grey PNG masks of 0 and 255.
 * captions.jsonl has a line `{ "image", "caption" }` for each image, in the order of the items. The folder must be
 * empty or not exist, and it appears whole or not at all: it is written under another name, then renamed.
 * @throws DatasetError, and what `draw` throws
 */
export async function writeDataset<Item extends DatasetItem>(
  dir: string,
  items: readonly Item[],
  draw: (item: Item) => DrawnItem | Promise<DrawnItem>,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const root = path.resolve(dir);
  const existing = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new DatasetError(
      { file: root, field: null, expected: 'an empty folder or none', found: error.code ?? error.message },
      {
        cause: error,
      },
    );
  });
  if (existing && existing.length > 0) {
    throw new DatasetError({
      file: root,
      field: null,
      expected: 'an empty folder or none',
      found: `a folder of ${existing.length} entries`,
    });
  }
  await writeAside(root, mkdirSync, async (staging) => {
    const write = async (relative: string, bytes: Uint8Array | string): Promise<void> => {
      const file = path.join(staging, relative);
      await makeFolder(path.dirname(file));
      await writeFile(file, bytes);
    };
    const captions: string[] = [];
    for (const item of items) {
      const { image: imagePath, mask: maskPath } = item;
      const { image, mask, caption } = await draw(item);
      const [imagePng, maskPng] = await Promise.all([
        encodePng(image),
        maskPath ? encodePng({ ...mask, data: mask.data.map((m) => m * 255) }) : null,
      ]);
      await write(imagePath, imagePng);
      if (maskPath && maskPng) await write(maskPath, maskPng);
      captions.push(`${JSON.stringify({ image: imagePath, caption })}\n`);
      onProgress?.(captions.length, items.length);
    }
    await write('meta.json', `${JSON.stringify(metaOf(items), null, 2)}\n`);
    await write('captions.jsonl', captions.join(''));
    if (existing) await rmdir(root);
  });
}
