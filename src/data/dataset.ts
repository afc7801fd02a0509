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

/**
 * What is wrong with a data set. Only of an image that is missing or cannot be read (or whose mask is) the sample is
 * left out: {@link losesImage}.
 */
export interface DatasetProblem {
  kind: 'missing' | 'unreadable' | 'unused mask' | 'unused file' | 'one label' | 'no images';
  file: string;
  expected: string;
  found: string;
}

/** Whether an image is left out because of a problem; else it is a warning. */
export const losesImage = ({ kind }: DatasetProblem): boolean => kind === 'missing' || kind === 'unreadable';

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
  /** What was left out by rule or read in another way than it is written, for people. */
  notes: string[];
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

/** JSON as Python's writers have it: with `NaN` and `Infinity`, which are null here. */
function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const plain = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (token) =>
      token.startsWith('"') ? token : 'null',
    );
    try {
      return JSON.parse(plain);
    } catch {
      throw new DatasetError(
        {
          file,
          field: null,
          expected: 'JSON',
          found: cause instanceof Error ? cause.message : String(cause),
        },
        {
          cause,
        },
      );
    }
  }
}

/** The splits that a meta.json has; `test`, whose absence {@link parseMeta} reports, if it has none. */
export function metaSplits(text: string): readonly Split[] {
  try {
    const meta = parseJson(text, 'meta.json');
    const found = splits.filter((split) => isObject(meta) && (meta[split] ?? null) !== null);
    if (found.length > 0) return found;
  } catch {
    // parseMeta says what is wrong.
  }
  return ['test'];
}

/** Whether a path starts at a root, on this system or on Windows. */
export const isAbsolutePath = (path: string): boolean => /^(?:[/\\]|[a-zA-Z]:[/\\])/.test(path);

/**
 * Makes an absolute path of a meta.json relative to its folder, as some published scripts write root and path; null:
 * it lies elsewhere.
 */
export type RelativePath = (path: string) => string | null;

/**
 * The entries of one split of a meta.json, in the file's order. As the published scripts write them: `mask_path` may
 * be empty, null or absent, and is ignored for normal images; so may `specie_name`, which is then `good` or `anomaly`;
 * `cls_name` may be left out. Throws {@link DatasetError} with the file, the field, and what was expected and found.
 * @param relative default: absolute paths are refused
 */
export function parseMeta(
  text: string,
  file: string,
  split: Split,
  relative: RelativePath = () => null,
): MetaEntry[] {
  const fail = (field: string | null, expected: string, found: unknown): never => {
    throw new DatasetError({ file, field, expected, found: describe(found) });
  };
  const meta = parseJson(text, file);
  if (!isObject(meta)) return fail(null, 'an object with "train" and "test"', meta);
  const classes = meta[split];
  if (!isObject(classes)) return fail(split, 'an object of classes', classes);

  return Object.entries(classes).flatMap(([name, entries]) => {
    const list = `${split}.${name}`;
    if (entries === null) return [];
    if (!Array.isArray(entries)) return fail(list, 'an array of images', entries);
    return entries.map((entry: unknown, index): MetaEntry => {
      const field = `${list}[${index}]`;
      if (!isObject(entry)) return fail(field, 'an object', entry);
      const filePath = (key: string, value: unknown): string => {
        if (typeof value !== 'string' || value.trim() === '')
          return fail(`${field}.${key}`, 'a text that is not empty', value);
        const own = isAbsolutePath(value) ? relative(value) : value;
        return own !== null && staysInside(own) && !own.includes('\0')
          ? own
          : fail(`${field}.${key}`, 'a path inside the folder', value);
      };
      const textOf = (key: string, otherwise: string): string => {
        const value = entry[key] ?? '';
        if (typeof value === 'number') return String(value);
        if (typeof value !== 'string') return fail(`${field}.${key}`, 'a text', value);
        return value.trim() === '' ? otherwise : value;
      };
      const anomaly = labelOf(entry.anomaly) ?? fail(`${field}.anomaly`, '0 or 1', entry.anomaly);
      const masks = [entry.mask_path ?? []].flat().filter((mask) => mask !== '');
      return {
        image: filePath('img_path', entry.img_path),
        mask:
          masks.length === 0 || !anomaly ? null : oneOrAll(masks.map((mask) => filePath('mask_path', mask))),
        className: textOf('cls_name', name),
        defect: textOf('specie_name', anomaly ? 'anomaly' : 'good'),
        anomaly,
        field,
      };
    });
  });
}

/** A label as JSON's writers store it: 0 and 1, booleans, and both as text. */
function labelOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const text =
    typeof value === 'number' || typeof value === 'string' ? String(value).trim().toLowerCase() : '';
  if (['1', '1.0', 'true'].includes(text)) return true;
  return ['0', '0.0', 'false'].includes(text) ? false : undefined;
}

const oneOrAll = (files: readonly string[]): MaskFiles => (files.length === 1 ? files[0]! : files);
