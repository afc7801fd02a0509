// Where the results of an image go: names that no other image has, and no picture of the user's.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { realPlace } from '../base/files.node.ts';
import { nameKey } from '../base/names.ts';
import type { Target } from './inputs.node.ts';
import { UsageError } from './io.ts';
import { isOwnPicture } from './pictures.node.ts';

/** Files of one image's results, relative to the folder of results. */
export const resultFiles = (name: string) => ({
  heatmap: `${shortened(name)}.heatmap.png`,
  map: `${shortened(name)}.map.png`,
});

/** The picture of detect --per-prompt. */
export const promptsFile = (name: string): string => `${shortened(name)}.prompts.png`;

/** Bytes of a file's name that every file system allows, without the longest ending of a result. */
const maxName = 255 - Buffer.byteLength('.heatmap.png');

/** A name that leaves room for the endings; a long one is cut, and a hash tells it from others. */
function shortened(name: string): string {
  const base = path.basename(name);
  if (Buffer.byteLength(base) <= maxName) return name;
  const hash = createHash('sha256').update(base).digest('hex').slice(0, 8);
  let short = '';
  for (const character of base) {
    if (Buffer.byteLength(short + character) > maxName - 9) break;
    short += character;
  }
  return path.join(path.dirname(name), `${short}~${hash}`);
}

/** A file that is there and is not a picture that this program wrote. */
export async function isForeign(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && !(found.isFile() && (await isOwnPicture(file)));
}

/**
 * Checks that no result takes the place of an input or of another file of the user's.
 * @throws UsageError naming the file
 */
export async function checkResults(targets: readonly Target[], out: string): Promise<void> {
  const inputs = new Map<string, string>();
  for (const { file } of targets) inputs.set(nameKey(await realPlace(file)), file);
  const root = await realPlace(out);
  for (const { file, name } of targets) {
    for (const result of Object.values(resultFiles(name))) {
      const place = path.join(root, result);
      const input = inputs.get(nameKey(place));
      if (input !== undefined || (await isForeign(place)))
        throw new UsageError(
          `--out: ${path.join(out, result)}, the result of ${file}, would overwrite ${
            input === undefined ? 'a file that is no result of this program' : 'an input'
          }: give another folder`,
        );
    }
  }
}
