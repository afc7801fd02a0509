/** Layouts described by path patterns: which files are images, and where the masks of those are. */
import type { DatasetProblem, MaskFiles, Split } from '../dataset.ts';
import { isMaskFolder, isNormalName, isOnlyMasks } from './labels.ts';
import {
  type Folder,
  folderOf,
  imageStem,
  type KnownDataset,
  type Layout,
  type LayoutEntry,
  type Listing,
} from './layout.ts';

/**
 * Paths without endings. `{x}` is any text without `/`, `{x:regexp}` text that fits; letter case does not matter.
 * `{class}`, `{split}` (train if it begins with `train`, else test) and `{defect}` are read by these names. A
 * pattern that begins with `{class}/` also fits the folder of one class, which is then named after it. In patterns of
 * masks, `{masks}` is any folder that is named after masks (`ground_truth`, `masks`, `gt`), and `/*` at the end all
 * images of a folder.
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
  /** Values of `defect` of normal images; `common`: `good`, `ok`, `normal` and whatever else means it. */
  normal: readonly string[] | 'common';
  /** It is this layout only if some image is normal. */
  needsNormal?: boolean;
  /** Names for the values of `{defect}`. */
  defects?: Readonly<Record<string, string>>;
  /** See {@link Layout.leaves}. */
  leaves?: RegExp;
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
const isValidation = ({ values }: Found): boolean => /^val/i.test(values.split ?? '');

/** Patterns of masks for the folders of masks that there are; the usual name first, as messages name it. */
function expandMasks(folder: Folder, patterns: readonly string[]): string[] {
  const folders = new Set(['ground_truth']);
  for (const file of folder.files)
    for (const part of folderOf(file).split('/')) if (isMaskFolder(part)) folders.add(part);
  return patterns.flatMap((pattern) =>
    pattern.includes('{masks}')
      ? [...folders].map((name) => pattern.replaceAll('{masks}', () => name))
      : [pattern],
  );
}

/** The files of a filled pattern. */
const filesOf = (folder: Folder, path: string): readonly string[] =>
  path.endsWith('/*') ? folder.inside(path.slice(0, -2)) : folder.find(path);

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
  const { name, known, images, leaves } = described;
  return {
    name,
    known,
    leaves,
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
      const values = match.groups ?? {};
      const holdsMasks = values.split === undefined ? isMaskFolder : isOnlyMasks;
      if (layout.normal === 'common' && values.defect !== undefined && holdsMasks(values.defect)) return;
      found.push({ image: folder.files[i]!, values, pattern });
      return;
    }
  });
  if (found.length === 0) return null;
  if (layout.needsNormal && !found.some((item) => isNormal(layout, item))) return null;
  return toListing(folder, layout, found);
}

const rawDefect = ({ values, pattern }: Found): string => values.defect ?? pattern.defect ?? '';

function isNormal({ normal }: PatternLayout, found: Found): boolean {
  const raw = rawDefect(found);
  return normal === 'common'
    ? isNormalName(raw)
    : normal.some((name) => name.toLowerCase() === raw.toLowerCase());
}

function toListing(folder: Folder, layout: PatternLayout, listed: readonly Found[]): Listing {
  const classOf = ({ values, pattern }: Found): string => values.class ?? pattern.className ?? folder.name;
  const { found, spared, notes } = withoutValidation(listed, classOf);
  const masks = new Map(layout.images.map((pattern) => [pattern, expandMasks(folder, pattern.masks ?? [])]));
  const masksOf = ({ values, pattern }: Found): string[] =>
    masks.get(pattern)!.map((mask) => fill(mask, values));
  const existing = found.map((item) => [...new Set(masksOf(item).flatMap((mask) => filesOf(folder, mask)))]);
  const usual = usualMasks(folder, found, masksOf);
  const spare = spareMasks(folder, masks, found, existing);
  // A class without any mask labels images only.
  const masked = new Set(found.filter((_, i) => existing[i]!.length > 0).map(classOf));
  for (const { className } of spare) masked.add(className ?? folder.name);

  const trained = layout.normal === 'common' ? onlyTrained(found, classOf) : new Map<string, string>();
  for (const [className, name] of trained)
    notes.push(`${className}: no folder good or the like; ${name}, the only one in train, counts as normal`);

  const entries = found.map((item, i): LayoutEntry => {
    const { image, values } = item;
    const raw = rawDefect(item);
    const className = classOf(item);
    const anomaly = !isNormal(layout, item) && trained.get(className) !== raw;
    const expected = masksOf(item)[usual.get(item.pattern) ?? 0];
    const needsMask = anomaly && expected !== undefined && masked.has(className);
    return {
      image,
      mask: needsMask ? maskFiles(existing[i]!, expected) : null,
      className,
      defect: layout.defects?.[raw] ?? raw,
      anomaly,
      field: `${folderOf(image) || '.'}/`,
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
  notes.push(...[...labelsOnly].map((className) => `${className}: no masks, only its images are labelled`));
  const accounted = [...spared, ...existing.flat()];
  return { entries, problems, notes, accounted, allAnomalous: layout.normal.length === 0 };
}

/**
 * Of classes in which no folder's name says that its images are normal, the only folder of the training images, where
 * there are others to test: that is how these data sets are made, whatever the folder is called.
 */
function onlyTrained(found: readonly Found[], classOf: (found: Found) => string): Map<string, string> {
  const classes = new Map<string, { trained: Set<string>; all: Set<string>; named: boolean }>();
  for (const item of found) {
    const own = classes.get(classOf(item)) ?? { trained: new Set(), all: new Set(), named: false };
    classes.set(classOf(item), own);
    const raw = rawDefect(item);
    own.all.add(raw);
    own.named ||= isNormalName(raw);
    if (item.values.split !== undefined && splitOf(item.values.split) === 'train') own.trained.add(raw);
  }
  return new Map(
    [...classes].flatMap(([className, { trained, all, named }]) =>
      !named && trained.size === 1 && all.size > 1 ? [[className, [...trained][0]!] as const] : [],
    ),
  );
}

/** A class's validation images are its test images where it has no others, else they are left out. */
function withoutValidation(listed: readonly Found[], classOf: (found: Found) => string) {
  const tested = new Set(
    listed.filter((item) => !isValidation(item) && splitOf(item.values.split) === 'test').map(classOf),
  );
  const found = listed.filter((item) => !isValidation(item) || !tested.has(classOf(item)));
  const left = listed.filter((item) => isValidation(item) && tested.has(classOf(item)));
  const notes = left.length > 0 ? [`${left.length} validation images are left out`] : [];
  return { found, spared: left.map(({ image }) => image), notes };
}

/** Which of a pattern's masks most of its images have: the one that others lack. The first where names are fixed. */
function usualMasks(
  folder: Folder,
  found: readonly Found[],
  masksOf: (found: Found) => string[],
): Map<ImagePattern, number> {
  const counts = new Map<ImagePattern, number[]>();
  for (const item of found) {
    if (!item.pattern.masks?.some((mask) => mask.includes('{masks}'))) continue;
    const own = counts.get(item.pattern) ?? [];
    counts.set(item.pattern, own);
    masksOf(item).forEach((mask, i) => {
      if (filesOf(folder, mask).length > 0) own[i] = (own[i] ?? 0) + 1;
    });
  }
  const best = (own: number[]): number => {
    let index = 0;
    own.forEach((count, i) => {
      if (count > (own[index] ?? 0)) index = i;
    });
    return index;
  };
  return new Map([...counts].map(([pattern, own]) => [pattern, best(own)]));
}

/** The files that exist, one as a plain path; where none does, the path that was expected. */
const maskFiles = (files: readonly string[], expected: string): MaskFiles =>
  files.length === 0 ? `${expected.replace(/\/\*$/, '/000')}.png` : files.length === 1 ? files[0]! : files;

/** Files where masks lie that belong to no image. */
function spareMasks(
  folder: Folder,
  masks: ReadonlyMap<ImagePattern, readonly string[]>,
  found: readonly Found[],
  existing: readonly (readonly string[])[],
): { file: string; className: string | undefined }[] {
  const used = new Set([...found.map(({ image }) => image), ...existing.flat()]);
  const places = [...masks].flatMap(([pattern, own]) =>
    own.map((mask) => ({
      regexp: compile(restricted(mask, pattern.image).replace(/\/\*$/, '/{any}')),
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
