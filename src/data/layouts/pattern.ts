/** Layouts described by path patterns: which files are images, and where the masks of those are. */
import type { DatasetProblem, MaskFiles, Split } from '../dataset.ts';
import {
  type Folder,
  imageStem,
  type KnownDataset,
  type Layout,
  type LayoutEntry,
  type Listing,
} from './layout.ts';

/**
 * Paths without endings. `{x}` is any text without `/`, `{x:regexp}` text that fits; letter case does not matter.
 * `{class}`, `{split}` (train if it begins with `train`, else test) and `{defect}` are read by these names. A
 * pattern that begins with `{class}/` also fits the folder of one class, which is then named after it.
 */
export interface ImagePattern {
  image: string;
  /** Patterns filled from the image's; the mask is the union of all that exist. */
  masks?: readonly string[];
  /** Where the path has no `{class}`; default the folder's name. */
  className?: string;
  /** Where the path has no `{defect}`. */
  defect?: string;
}

export interface PatternLayout {
  name: string;
  known?: readonly KnownDataset[];
  /** Each of these fits a file in every folder of this layout; default: one image. */
  requires?: readonly string[];
  images: readonly ImagePattern[];
  /** Values of `defect` of normal images. */
  normal: readonly string[];
  /** Names for the values of `{defect}`. */
  defects?: Readonly<Record<string, string>>;
}

const placeholder = /\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}/g;
const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function compile(pattern: string): RegExp {
  let source = '';
  let end = 0;
  for (const match of pattern.matchAll(placeholder)) {
    source += `${literal(pattern.slice(end, match.index))}(?<${match[1]}>${match[2] ?? '[^/]+'})`;
    end = match.index + match[0].length;
  }
  return new RegExp(`^${source}${literal(pattern.slice(end))}$`, 'i');
}

type Values = Record<string, string | undefined>;

const fill = (pattern: string, values: Values): string =>
  pattern.replace(placeholder, (_, name: string) => values[name] ?? '');

const splitOf = (text: string | undefined): Split => (/^train/i.test(text ?? '') ? 'train' : 'test');

interface Found {
  image: string;
  values: Values;
  pattern: ImagePattern;
}

/** One class's folder instead of a folder of classes. */
const withoutClass = (pattern: string): string => pattern.replace(/^\{class\}\//, '');

/** The layout of `described` with its patterns as they are, or for a folder of one class. */
export function patternLayout(described: PatternLayout): Layout {
  const ofOneClass: PatternLayout = {
    ...described,
    requires: described.requires?.map(withoutClass),
    images: described.images.map((pattern) => ({
      ...pattern,
      image: withoutClass(pattern.image),
      masks: pattern.masks?.map(withoutClass),
    })),
  };
  const { name, known, images } = described;
  return {
    name,
    known,
    shape: images.map(({ image }) => image.replace(placeholder, '<$1>')).join(', '),
    list: async (folder) => listPatterns(folder, ofOneClass) ?? listPatterns(folder, described),
  };
}

function listPatterns(folder: Folder, layout: PatternLayout): Listing | null {
  const stems = folder.files.map(imageStem);
  const patterns = layout.images.map((pattern) => ({ pattern, regexp: compile(pattern.image) }));
  for (const required of layout.requires ?? []) {
    const regexp = compile(required);
    if (!stems.some((stem) => stem !== null && regexp.test(stem))) return null;
  }
  const found: Found[] = [];
  stems.forEach((stem, i) => {
    if (stem === null) return;
    for (const { pattern, regexp } of patterns) {
      const match = regexp.exec(stem);
      if (!match) continue;
      found.push({ image: folder.files[i]!, values: match.groups ?? {}, pattern });
      return;
    }
  });
  if (found.length === 0) return null;
  return toListing(folder, layout, found);
}

function toListing(folder: Folder, layout: PatternLayout, found: readonly Found[]): Listing {
  const classOf = ({ values, pattern }: Found): string => values.class ?? pattern.className ?? folder.name;
  const masksOf = ({ values, pattern }: Found): string[] =>
    (pattern.masks ?? []).map((mask) => fill(mask, values));
  const existing = found.map((item) => [...new Set(masksOf(item).flatMap(folder.find))]);
  const spare = spareMasks(folder, layout, found, existing);
  // A class without any mask labels images only.
  const masked = new Set(found.filter((_, i) => existing[i]!.length > 0).map(classOf));
  for (const { className } of spare) masked.add(className ?? folder.name);

  const entries = found.map((item, i): LayoutEntry => {
    const { image, values, pattern } = item;
    const raw = values.defect ?? pattern.defect ?? '';
    const anomaly = !layout.normal.some((name) => name.toLowerCase() === raw.toLowerCase());
    const className = classOf(item);
    const expected = masksOf(item)[0];
    const needsMask = anomaly && expected !== undefined && masked.has(className);
    return {
      image,
      mask: needsMask ? maskFiles(existing[i]!, expected) : null,
      className,
      defect: layout.defects?.[raw] ?? raw,
      anomaly,
      field: image.slice(0, image.lastIndexOf('/') + 1) || './',
      split: splitOf(values.split),
    };
  });
  const problems = spare.map(
    ({ file }): DatasetProblem => ({
      kind: 'unused mask',
      file,
      expected: 'the image of this mask',
      found: 'no such file',
    }),
  );
  const labelsOnly = new Set(
    found
      .filter((item, i) => entries[i]!.anomaly && item.pattern.masks && !masked.has(classOf(item)))
      .map(classOf),
  );
  const notes = [...labelsOnly].map((className) => `${className}: no masks, only its images are labelled`);
  return { entries, problems, notes };
}

/** The files that exist, one as a plain path; where none does, the path that was expected. */
const maskFiles = (files: readonly string[], expected: string): MaskFiles =>
  files.length === 0 ? `${expected}.png` : files.length === 1 ? files[0]! : files;

/** Files where masks lie that belong to no image. */
function spareMasks(
  folder: Folder,
  layout: PatternLayout,
  found: readonly Found[],
  existing: readonly (readonly string[])[],
): { file: string; className: string | undefined }[] {
  const used = new Set([...found.map(({ image }) => image), ...existing.flat()]);
  const places = layout.images.flatMap((pattern) =>
    (pattern.masks ?? []).map((mask) => ({
      regexp: compile(restricted(mask, pattern.image)),
      className: pattern.className,
    })),
  );
  return folder.files.flatMap((file) => {
    const stem = used.has(file) ? null : imageStem(file);
    if (stem === null) return [];
    for (const { regexp, className } of places) {
      const match = regexp.exec(stem);
      if (match) return [{ file, className: match.groups?.class ?? className }];
    }
    return [];
  });
}

/** A mask's pattern with the restrictions that its placeholders have in the image's. */
function restricted(mask: string, image: string): string {
  const whole = new Map([...image.matchAll(placeholder)].map((match) => [match[1], match[0]]));
  return mask.replace(placeholder, (own, name: string) => whole.get(name) ?? own);
}
