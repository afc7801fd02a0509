/** What a layout is: how a data set lies in its folder, and how its images, labels and masks are found there. */
import { nameKey } from '../../base/names.ts';
import type { DatasetProblem, MetaEntry, Split } from '../dataset.ts';
import { extensionOf, isImageFile } from '../image.ts';

/** A folder as layouts see it: names and, where labels are stored in files, their content. */
export interface Folder {
  /** Its own name: the class of a data set of one class. */
  readonly name: string;
  /** All visible files below it, relative paths with `/`, sorted by code unit. */
  readonly files: readonly string[];
  /**
   * Image files of this path without its ending, whatever their ending is; neither letter case nor the Unicode form
   * matters.
   */
  find(stem: string): readonly string[];
  /** Image files in this sub-folder, not below it. */
  inside(folder: string): readonly string[];
  /** The file that a path means: itself, in another letter case or Unicode form, or with the backslashes of Windows. */
  file(path: string): string | undefined;
  /** A file's path for messages. */
  path(file: string): string;
  /** Content of a text file as UTF-8. */
  readText(file: string): Promise<string>;
  /** Whether a mask has an anomalous pixel. Throws ImageError. */
  hasAnomaly(mask: string): Promise<boolean>;
}

export interface LayoutEntry extends MetaEntry {
  split: Split;
}

/** What a layout found: both splits, in the order of the files or of the label file. */
export interface Listing {
  entries: LayoutEntry[];
  /** What the entries cannot say: a mask without an image, a label file that cannot be decoded. */
  problems: DatasetProblem[];
  /** What was left out by rule, for people. */
  notes: string[];
  /** Image files that are left out by rule, beside those of the entries: all others belong to nothing. */
  accounted?: readonly string[];
  /** The layout itself says that all its images are anomalous. */
  allAnomalous?: boolean;
}

/** A data set that shares its layout with others, told by all its class names, by a file or by its folder's name. */
export interface KnownDataset {
  name: string;
  classes?: readonly string[];
  file?: RegExp;
  folder?: RegExp;
}

export interface Layout {
  name: string;
  /** Where the images are, for messages. */
  shape: string;
  /** The known data sets of a layout that others share; without, its name is the data set's. */
  known?: readonly KnownDataset[];
  /** Image files that a data set in this layout has beside its images and masks. */
  leaves?: RegExp;
  /**
   * All images of a folder in this layout, null if it is in another one. Throws DatasetError for label files that
   * are wrong.
   */
  list(folder: Folder): Promise<Listing | null>;
}

/** A path without the ending of an image, null if it has none. */
export const imageStem = (file: string): string | null =>
  isImageFile(file) ? file.slice(0, -extensionOf(file).length) : null;

export const baseName = (file: string): string => file.slice(file.lastIndexOf('/') + 1);

/** Path of the folder that a file is in; empty at the top. */
export const folderOf = (file: string): string => file.slice(0, Math.max(0, file.lastIndexOf('/')));

/** The folder of these files. */
export function createFolder(
  name: string,
  files: readonly string[],
  read: Pick<Folder, 'path' | 'readText' | 'hasAnomaly'>,
): Folder {
  const byStem = new Map<string, string[]>();
  const byFolder = new Map<string, string[]>();
  const byPath = new Map<string, string>();
  const exact = new Set<string>();
  const add = (map: Map<string, string[]>, key: string, file: string): void => {
    const same = map.get(key);
    if (same) same.push(file);
    else map.set(key, [file]);
  };
  for (const file of files) {
    exact.add(file);
    byPath.set(nameKey(file), file);
    const stem = imageStem(file);
    if (stem === null) continue;
    add(byStem, nameKey(stem), file);
    add(byFolder, nameKey(folderOf(file)), file);
  }
  return {
    name,
    files,
    find: (stem) => byStem.get(nameKey(stem)) ?? [],
    inside: (folder) => byFolder.get(nameKey(folder)) ?? [],
    file: (path) =>
      exact.has(path) ? path : (byPath.get(nameKey(path)) ?? byPath.get(nameKey(path.replaceAll('\\', '/')))),
    ...read,
  };
}

/** A folder's only sub-folder as a folder of its own; null if there are several or images beside it. */
export function onlySubfolder(folder: Folder): { prefix: string; folder: Folder } | null {
  const tops = new Set(
    folder.files.filter((file) => file.includes('/')).map((file) => file.split('/', 1)[0]!),
  );
  const beside = folder.files.some((file) => !file.includes('/') && imageStem(file) !== null);
  const [name] = tops;
  if (tops.size !== 1 || beside || name === undefined) return null;
  const prefix = `${name}/`;
  const inside = folder.files
    .filter((file) => file.startsWith(prefix))
    .map((file) => file.slice(prefix.length));
  return {
    prefix,
    folder: createFolder(name, inside, {
      path: (file) => folder.path(prefix + file),
      readText: (file) => folder.readText(prefix + file),
      hasAnomaly: (mask) => folder.hasAnomaly(prefix + mask),
    }),
  };
}
