/** What can be said of a data set from its list alone: one set of findings for every command that opens one. */
import type { DatasetProblem, MaskFiles, Split } from './dataset.ts';
import { countByExtension, isImageFile, isOtherPicture, type OddMask, type UsedBits } from './image.ts';
import { baseName, folderOf, type LayoutEntry } from './layouts/layout.ts';

type Listed = Pick<LayoutEntry, 'image' | 'mask' | 'className' | 'anomaly'>;

const filesOf = (mask: MaskFiles | null): readonly string[] =>
  mask === null ? [] : typeof mask === 'string' ? [mask] : mask;

/**
 * Image files that are neither an image nor a mask of the data set, one finding per folder: masks that lie elsewhere
 * or have other names would else be dropped without a word.
 */
export function unusedFiles(
  files: readonly string[],
  entries: readonly Listed[],
  accounted: readonly string[],
): DatasetProblem[] {
  const used = new Set([...entries.flatMap(({ image, mask }) => [image, ...filesOf(mask)]), ...accounted]);
  const folders = new Map<string, string[]>();
  for (const file of files) {
    if (!isImageFile(file) || used.has(file)) continue;
    const folder = folderOf(file);
    folders.set(folder, [...(folders.get(folder) ?? []), baseName(file)]);
  }
  return [...folders].map(([folder, names]) => ({
    kind: 'unused file',
    file: folder || '.',
    expected: 'images and masks of the data set only',
    found: `${names.length} image file${names.length === 1 ? '' : 's'} that belong${names.length === 1 ? 's' : ''} to nothing, e.g. ${names[0]}`,
  }));
}

/**
 * A data set, or a class of it, of which all images have one label, so that nothing can be told apart there; or no
 * images at all. `className` where it is about one class only.
 */
export function labelFindings(
  entries: readonly Listed[],
  split?: Split,
): (DatasetProblem & { className?: string })[] {
  const where = split === undefined ? '' : ` in the split ${split}`;
  if (entries.length === 0)
    return [{ kind: 'no images', file: '.', expected: `at least one image${where}`, found: 'none' }];
  const of = (some: readonly Listed[], name: string): DatasetProblem[] => {
    const anomalous = some.filter(({ anomaly }) => anomaly).length;
    if (anomalous > 0 && anomalous < some.length) return [];
    const found =
      anomalous === 0
        ? `${some.length} normal, none anomalous`
        : `${anomalous} anomalous, none normal, e.g. ${some[0]!.image}`;
    const hint = anomalous === 0 ? '' : ' (in a folder good, ok, normal or the like)';
    return [
      { kind: 'one label', file: '.', expected: `normal${hint} and anomalous images${name}${where}`, found },
    ];
  };
  const whole = of(entries, '');
  if (whole.length > 0) return whole;
  const classes = new Map<string, Listed[]>();
  for (const entry of entries) {
    const own = classes.get(entry.className);
    if (own) own.push(entry);
    else classes.set(entry.className, [entry]);
  }
  return [...classes].flatMap(([className, own]) =>
    of(own, ` of class ${className}`).map((problem) => ({ ...problem, className })),
  );
}

/** A note that counts and names pictures of formats that are not read; none if there are none. */
export function otherFormats(files: readonly string[]): string[] {
  const others = files.filter(isOtherPicture);
  return others.length === 0
    ? []
    : [`left out: ${countByExtension(others)} of formats that are not read, e.g. ${others[0]}`];
}

/** What is odd about images and masks as they are read, gathered for notes: each file once. */
export interface Observations {
  image(file: string, usedBits: UsedBits | undefined): void;
  mask(files: MaskFiles, odd: OddMask | undefined): void;
  notes(): string[];
}

/** Files that are remembered: a watch may go on for months. */
const maxObserved = 100_000;

export function createObservations(): Observations {
  const images = new Map<string, UsedBits>();
  const masks = new Map<string, OddMask>();
  return {
    image(file, usedBits) {
      if (usedBits && images.size < maxObserved) images.set(file, usedBits);
    },
    mask(files, odd) {
      if (odd && masks.size < maxObserved) masks.set(filesOf(files)[0]!, odd);
    },
    notes() {
      const odd = (['empty', 'full', 'inverted'] as const).flatMap((kind) => {
        const own = [...masks].filter(([, found]) => found === kind);
        if (own.length === 0) return [];
        const [expected, found] = oddMasks[kind];
        return [`${kind} mask: ${own.length}, e.g. ${own[0]![0]}: expected ${expected}, found ${found}`];
      });
      return [...odd, ...describeUsedBits([...images].map(([file, usedBits]) => ({ file, usedBits })))];
    },
  };
}

/** What is expected of the mask of an anomalous image, and what was found instead. */
export const oddMasks: Readonly<Record<OddMask, readonly [expected: string, found: string]>> = {
  empty: ['an anomalous pixel', 'none'],
  full: ['a normal pixel too', 'anomalous pixels only (all white)'],
  inverted: ['a defect', 'an anomalous border and more than half of all pixels (inverted?)'],
};

/** Notes on images whose 16-bit samples use a part of their range, see `usedBits` in image.ts. */
export function describeUsedBits(
  images: readonly { readonly file: string; readonly usedBits?: UsedBits | undefined }[],
): string[] {
  return ([8, 12] as const).flatMap((bits) => {
    const own = images.filter(({ usedBits }) => usedBits === bits);
    if (own.length === 0) return [];
    const count = `${own.length} image${own.length === 1 ? '' : 's'}`;
    return [
      `${count} of 16-bit samples with none above ${2 ** bits - 1}: read as ${bits} bits, e.g. ${own[0]!.file}`,
    ];
  });
}
