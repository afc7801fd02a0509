/** A folder on disk as the layouts see it. */
import path from 'node:path';
import { decodeText } from '../base/decode-text.ts';
import { type NotOpenedError, readRegular } from '../base/open.node.ts';
import { walkFolder } from '../base/walk.node.ts';
import { DatasetError } from './errors.ts';
import { readMask } from './image.node.ts';
import { createFolder, type Folder } from './layouts/layout.ts';

/** Lists of a million images have some 100 MB. */
const maxLabels = 256 * 2 ** 20;

/** A label file as it is. Throws {@link DatasetError}. */
export const readLabels = (file: string): Promise<Uint8Array> =>
  readRegular(file, maxLabels).catch((error: NotOpenedError) => {
    throw new DatasetError(
      { file, field: null, expected: 'a readable file', found: error.message },
      { cause: error },
    );
  });

/** No known layout is deeper. */
const maxDepth = 12;
const maxFiles = 1_000_000;

export interface ListedFolder extends Folder {
  /** What could not be listed: relative path and reason. */
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Lists a folder with all that is below it; hidden and system files are left out, links are followed. Throws
 * {@link DatasetError} if it holds more than a million files.
 */
export async function readFolder(root: string): Promise<ListedFolder> {
  const { files, unreadable, whole } = await walkFolder(root, { maxDepth, maxFiles }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new DatasetError(
        {
          file: root,
          field: null,
          expected: 'a folder that can be read',
          found: error.code ?? error.message,
        },
        {
          cause: error,
        },
      );
    },
  );
  if (!whole)
    throw new DatasetError({
      file: root,
      field: null,
      expected: `at most ${maxFiles} files in ${maxDepth} levels of folders`,
      found: 'more',
    });
  const full = (file: string): string => path.join(root, file);
  const folder = createFolder(path.basename(root), files, {
    path: full,
    readText: async (file) => decodeText(await readLabels(full(file))),
    hasAnomaly: async (mask) => (await readMask(full(mask))).data.includes(1),
  });
  return { ...folder, unreadable };
}
