/** What a folder in no known layout holds, and which layout comes closest. */
import { isSystemPath } from '../../base/names.ts';
import { countByExtension, isImageFile, isOtherPicture } from '../image.ts';
import { layouts } from './index.ts';
import { isMaskFolder, isNormalName } from './labels.ts';
import { type Folder, folderOf } from './layout.ts';

/** Names of a layout's shape that are not placeholders, lower case: `train`, `split_csv`. */
const literals = (shape: string): string[] =>
  shape
    .replace(/<\w+>/g, ' ')
    .toLowerCase()
    .split(/[^\w-]+/)
    .filter((word) => word.length > 2 && !/^(png|jpe?g|bmp|tif|name|good|images?)$/.test(word));

/** What a folder in MVTec AD's layout, or in one of good images, is told by. */
const told = (parts: ReadonlySet<string>): number => {
  const any = (test: (part: string) => boolean) => (Array.from(parts).some(test) ? 1 : 0);
  return any((part) => /^(train|test|val)/.test(part)) + any(isNormalName) + any(isMaskFolder);
};

export interface Nearest {
  /** Its name and shape. */
  readonly nearest: string;
  /** Lines for people. */
  readonly details: readonly string[];
}

/** Of a folder that fits no layout, by the names of its folders: for the message that says so. */
export function nearestLayout(folder: Folder): Nearest {
  const files = folder.files.filter((file) => !isSystemPath(file));
  // Images' own names say nothing of a layout.
  const parts = new Set(
    files.flatMap((file) => (isImageFile(file) ? folderOf(file) : file).toLowerCase().split('/')),
  );
  const score = ({ name, shape }: { name: string; shape: string }): number => {
    if (name === 'MVTec AD') return told(parts);
    if (name === 'folder of good') return told(parts) - 0.5;
    const words = literals(shape);
    const hits = words.filter((word) => [...parts].some((part) => part.includes(word))).length;
    return words.length === 0 ? 0 : (2.5 * hits) / words.length;
  };
  // A folder of which nothing can be told may become the simplest one.
  const simplest = layouts.at(-1)!;
  let best = simplest;
  for (const layout of layouts) if (score(layout) > Math.max(0.5, score(best))) best = layout;
  const images = files.filter(isImageFile);
  const others = files.filter(isOtherPicture);
  const example = images.find((file) => !folderOf(file).split('/').some(isMaskFolder)) ?? images[0];
  const details = [
    images.length > 0
      ? `found ${countByExtension(images)} that could be images, e.g. ${example}`
      : `found no image file among ${files.length} files${files.length > 0 ? `, e.g. ${files[0]}` : ''}`,
  ];
  const meta = files.find((file) => /\/meta\.json$/i.test(file));
  if (meta !== undefined) details.push(`found ${meta}: give the folder that it is in`);
  if (others.length > 0)
    details.push(`found ${countByExtension(others)} of formats that are not read, e.g. ${others[0]}`);
  const { name, shape } = best;
  details.push(`nearest layout: ${name}, which has ${shape}`);
  const levels = example?.split('/').length ?? 0;
  if (levels > 4 && name === 'MVTec AD')
    details.push(`${example} is ${levels} levels deep: ${levels - 4} more than that layout`);
  details.push('all layouts: docs/DATASETS.md; or write a meta.json');
  return { nearest: name, details };
}
