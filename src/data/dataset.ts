/** What a data set is, and how its meta.json is read. Pure: dataset.node.ts looks at the files. */
import { DatasetError } from './errors.ts';

export const splits = ['train', 'test'] as const;
export type Split = (typeof splits)[number];

/** A ground-truth mask: one file, or several whose union it is (AITEX draws each defect of an image alone). */
export type MaskFiles = string | readonly string[];

/** The same mask with every path changed. */
export const mapMask = (mask: MaskFiles, change: (file: string) => string): MaskFiles =>
  typeof mask === 'string' ? change(mask) : mask.map(change);

export interface Sample {
  /** Path of the image, as it can be opened. */
  image: string;
  /** Ground-truth mask, paths as they can be opened; absent for normal images, and where the data set has none. */
  mask?: MaskFiles;
  /** Kind of object or surface: `bottle`. */
  className: string;
  /** Kind of defect as the data set calls it; `good` or the like where there is none. */
  defect: string;
  anomaly: boolean;
}

/** An image or mask that is missing or cannot be read, so that its sample is left out; or a mask without an image. */
export interface DatasetProblem {
  kind: 'missing' | 'unreadable' | 'unused mask';
  file: string;
  expected: string;
  found: string;
}

export interface Dataset {
  /** Absolute path of the folder. */
  root: string;
  /** The data set, where its layout and its names tell (`MPDD`), else the folder's name. */
  name: string;
  /** How it was read: `meta.json`, `MVTec AD`, ... */
  layout: string;
  split: Split;
  /** Class names in the order of their first sample. */
  classes: string[];
  /** In the order of meta.json, or sorted by path: the same on every machine. */
  samples: Sample[];
  problems: DatasetProblem[];
}

/** One image of a data set as its layout lists it, paths relative to the folder with `/`; `mask` null where there is none. */
export interface MetaEntry {
  image: string;
  mask: MaskFiles | null;
  className: string;
  defect: string;
  anomaly: boolean;
  /** Where in the file, for messages: `test.bottle[3]`. */
  field: string;
}

/** meta.json as the published code has it: split, class name, entries. */
export type Meta = Record<Split, Record<string, PublishedEntry[]>>;

export interface PublishedEntry {
  img_path: string;
  mask_path: string;
  cls_name: string;
  specie_name: string;
  anomaly: 0 | 1;
}

const describe = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether a relative path stays inside the folder it is relative to (by its text; links are not followed). */
export function staysInside(relative: string): boolean {
  if (/^(?:[/\\]|[a-zA-Z]:)/.test(relative)) return false;
  let depth = 0;
  for (const part of relative.split(/[/\\]/)) {
    if (part === '..') depth -= 1;
    else if (part !== '' && part !== '.') depth += 1;
    if (depth < 0) return false;
  }
  return depth > 0;
}

/** The splits that a meta.json has; `test`, whose absence {@link parseMeta} reports, if it has none. */
export function metaSplits(text: string): readonly Split[] {
  try {
    const meta: unknown = JSON.parse(text);
    const found = splits.filter((split) => isObject(meta) && split in meta);
    if (found.length > 0) return found;
  } catch {
    // parseMeta says what is wrong.
  }
  return ['test'];
}

/**
 * The entries of one split of a meta.json, in the file's order. `mask_path` may be empty, null or absent, and is
 * ignored for normal images, as the published code does. Throws {@link DatasetError} with the file, the field,
 * and what was expected and found.
 */
export function parseMeta(text: string, file: string, split: Split): MetaEntry[] {
  const fail = (field: string | null, expected: string, found: unknown): never => {
    throw new DatasetError(file, field, expected, describe(found));
  };
  let meta: unknown;
  try {
    meta = JSON.parse(text);
  } catch (error) {
    throw new DatasetError(file, null, 'JSON', error instanceof Error ? error.message : String(error));
  }
  if (!isObject(meta)) return fail(null, 'an object with "train" and "test"', meta);
  const classes = meta[split];
  if (!isObject(classes)) return fail(split, 'an object of classes', classes);

  return Object.entries(classes).flatMap(([name, entries]) => {
    const list = `${split}.${name}`;
    if (!Array.isArray(entries)) return fail(list, 'an array of images', entries);
    return entries.map((entry: unknown, index): MetaEntry => {
      const field = `${list}[${index}]`;
      if (!isObject(entry)) return fail(field, 'an object', entry);
      const text = (key: string): string => {
        const value = entry[key];
        return typeof value === 'string' && value !== ''
          ? value
          : fail(`${field}.${key}`, 'a text that is not empty', value);
      };
      const filePath = (key: string): string => {
        const value = text(key);
        return staysInside(value) ? value : fail(`${field}.${key}`, 'a path inside the folder', value);
      };
      const { anomaly } = entry;
      if (anomaly !== 0 && anomaly !== 1 && typeof anomaly !== 'boolean') {
        return fail(`${field}.anomaly`, '0 or 1', anomaly);
      }
      const noMask = entry.mask_path === undefined || entry.mask_path === null || entry.mask_path === '';
      return {
        image: filePath('img_path'),
        mask: noMask || !anomaly ? null : filePath('mask_path'),
        className: text('cls_name'),
        defect: text('specie_name'),
        anomaly: Boolean(anomaly),
        field,
      };
    });
  });
}
