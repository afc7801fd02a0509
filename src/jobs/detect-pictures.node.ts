// The pictures that `faprompt detect` makes of an image.
import path from 'node:path';
import { createBudget } from '../base/budget.ts';
import { DatasetError, ImageError } from '../data/errors.ts';
import { mapRange, overlay, type Range, resizeMap, squareMap } from '../data/heatmap.ts';
import { readImage } from '../data/image.node.ts';
import type { Pictures } from './detect-rows.ts';
import type { Found, Outcome } from './detection.ts';
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
async function writePictures(
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

/** Draws an image's pictures, while others are being scored; what is wrong with them is said in the image's turn. */
export type Drawing = (
  found: Outcome<Target>,
) => Promise<{ readonly found: Outcome<Target>; readonly pictures: Pictures | Error }>;

/** Pixels of photographs whose pictures are drawn at the same time, at about 16 bytes each; a larger one is alone. */
const mostDrawn = 2 ** 25;

/** @param out folder of results; undefined: nothing is drawn */
export function createDrawing(out: string | undefined, range: Range | 'image'): Drawing {
  const drawing = createBudget(mostDrawn);
  return async (found) => {
    if ('problem' in found || out === undefined) return { found, pictures: {} };
    const { file } = found.item;
    const written = drawing.run(found.width * found.height, () => writePictures(out, found, range));
    const pictures = await written.catch((error: NodeJS.ErrnoException) => pictureProblem(error, file));
    return { found, pictures };
  };
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
const pictureProblem = (error: NodeJS.ErrnoException, image: string): Error => {
  if (error instanceof ImageError || error instanceof DatasetError) return error;
  if (error.code === undefined) throw error;
  return new Error(`${image}: its results: ${error.message}`);
};
