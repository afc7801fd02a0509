/** What a layout is: how a data set lies in its folder, and how its images, labels and masks are found there. */
import type { DatasetProblem, MetaEntry, Split } from '../dataset.ts';
import { imageExtensions } from '../image.ts';

/** A folder as layouts see it: names and, where labels are stored in files, their content. */
export interface Folder {
  /** Its own name: the class of a data set of one class. */
  readonly name: string;
  /** All visible files below it, relative paths with `/`, sorted by code unit. */
  readonly files: readonly string[];
  /** Image files of this path without its ending, whatever their ending is; letter case does not matter. */
  find(stem: string): readonly string[];
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
  /**
   * All images of a folder in this layout, null if it is in another one. Throws DatasetError for label files that
   * are wrong.
   */
  list(folder: Folder): Promise<Listing | null>;
}

/** A path without the ending of an image, null if it has none. */
export function imageStem(file: string): string | null {
  const dot = file.lastIndexOf('.');
  return dot > 0 && imageExtensions.includes(file.slice(dot).toLowerCase()) ? file.slice(0, dot) : null;
}

export const baseName = (file: string): string => file.slice(file.lastIndexOf('/') + 1);

/** The folder of these files. */
export function createFolder(
  name: string,
  files: readonly string[],
  read: Pick<Folder, 'path' | 'readText' | 'hasAnomaly'>,
): Folder {
  const byStem = new Map<string, string[]>();
  for (const file of files) {
    const stem = imageStem(file)?.toLowerCase();
    if (stem === undefined) continue;
    const same = byStem.get(stem);
    if (same) same.push(file);
    else byStem.set(stem, [file]);
  }
  return { name, files, find: (stem) => byStem.get(stem.toLowerCase()) ?? [], ...read };
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
