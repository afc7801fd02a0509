// The pictures that `faprompt detect` makes of an image.
import path from 'node:path';
import { DatasetError, ImageError } from '../data/errors.ts';
import { mapRange, overlay, type Range, resizeMap, squareMap } from '../data/heatmap.ts';
import { readImage } from '../data/image.node.ts';
import type { Pictures } from './detect-rows.ts';
import type { Found } from './detection.ts';
import type { Target } from './inputs.node.ts';
import { writeContactSheet, writeImage, writeMap } from './pictures.node.ts';
import { isForeign, promptsFile, resultFiles } from './results.node.ts';

/** Side of a picture of --per-prompt, and how many stand in a row: the image, the prototype's map, each prompt's. */
const promptTile = 192;
const promptColumns = 6;
const rowsOf = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(all.length / promptColumns) }, (_, i) =>
    all.slice(i * promptColumns, (i + 1) * promptColumns),
  );

/**
 * Heat map, raw map and, of a detection prompt by prompt, what each sees.
 * @param range map values shown as blue and as red
 * @throws DatasetError where a file of another origin stands, and what reading and writing throw
 */
export async function writePictures(
  out: string,
  { item, map, prompts }: Found<Target>,
  range: Range | 'image',
): Promise<Pictures> {
  const files = resultFiles(item.name);
  const [heatmap, raw] = [path.join(out, files.heatmap), path.join(out, files.map)];
  for (const file of [heatmap, raw]) await refuseForeign(file);
  const image = await readImage(item.file);
  const shown = range === 'image' ? mapRange(map) : range;
  const resized = resizeMap(map, image.width, image.height);
  await Promise.all([writeImage(heatmap, overlay(image, resized, shown)), writeMap(raw, resized)]);
  if (!prompts) return files;
  const promptsPicture = promptsFile(item.name);
  const sheet = path.join(out, promptsPicture);
  await refuseForeign(sheet);
  const tiles = [map, ...prompts.map((one) => squareMap(one.map))].map((one) => overlay(image, one, shown));
  await writeContactSheet(sheet, rowsOf([image, ...tiles]), promptTile);
  return { ...files, promptsPicture };
}

async function refuseForeign(file: string): Promise<void> {
  if (await isForeign(file))
    throw new DatasetError({
      file,
      field: null,
      expected: 'no file, or a result of this program',
      found: 'another file',
    });
}

/** Why the pictures of an image could not be made, naming the image. */
export const pictureProblem = (error: NodeJS.ErrnoException, image: string): Error => {
  if (error instanceof ImageError || error instanceof DatasetError) return error;
  if (error.code === undefined) throw error;
  return new Error(`${image}: its results: ${error.message}`);
};
