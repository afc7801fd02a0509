// A folder of images with masks, in any layout that the command line reads.
import { decodeText } from '../../src/base/decode-text.ts';
import { isSystemPath } from '../../src/base/names.ts';
import { type MetaEntry, mapMask, metaSplits, parseMeta } from '../../src/data/dataset.ts';
import { labelFindings, otherFormats } from '../../src/data/findings.ts';
import { layouts, recognise } from '../../src/data/layouts/index.ts';
import { createFolder } from '../../src/data/layouts/layout.ts';
import { leftOut, sortFiles, type Taken } from '../core/files.ts';
import { plural } from '../core/format.ts';
import { studio } from '../studio/studio.ts';
import type { NewItem } from './items.ts';

export interface ReadFolder {
  readonly items: readonly NewItem[];
  /** How it was read, and what could not be. */
  readonly notes: readonly string[];
}

/** How tools call the mask of `x.jpg`: `x_mask.png`, `x-gt.png`, ... */
const maskName = /[ ._-](mask|gt|ground[ _-]?truth|label|seg(mentation)?)$/i;

/** Single images: `x_mask.png` belongs to `x.jpg`, whatever their endings; the others are normal until painted on. */
export function pairMasks(files: ReadonlyMap<string, File>): ReadFolder {
  const { images, others } = sortFiles(files.values());
  const stemOf = (path: string) => path.replace(/\.[^./]*$/, '').toLowerCase();
  const wanted = new Set(images);
  const paths = [...files].filter(([, file]) => wanted.has(file)).map(([path]) => path);
  const stems = new Map(
    paths.filter((path) => !maskName.test(stemOf(path))).map((path) => [stemOf(path), path]),
  );
  const masks = new Map<string, string>();
  for (const path of paths) {
    const image = maskName.test(stemOf(path)) ? stems.get(stemOf(path).replace(maskName, '')) : undefined;
    if (image !== undefined) masks.set(image, path);
  }
  const used = new Set(masks.values());
  const items = paths
    .filter((path) => !used.has(path))
    .map((path): NewItem => {
      const mask = masks.get(path);
      return {
        name: path,
        image: files.get(path)!,
        ...(mask === undefined ? {} : { mask: files.get(mask)!, maskName: mask }),
      };
    });
  const normal = items.length - masks.size;
  return {
    items,
    notes: [
      masks.size > 0 &&
        `${plural(masks.size, 'image')} with a mask beside ${masks.size === 1 ? 'it' : 'them'}.`,
      normal > 0 &&
        `${plural(normal, 'image')} without a mask taken as normal. Paint a mask where there is a defect.`,
      leftOut(others),
    ].filter((note) => typeof note === 'string'),
  };
}

/** @throws DatasetError for label files that are wrong */
export async function readFolder({ files, paths }: Taken): Promise<ReadFolder> {
  const byPath = new Map(
    paths.map((path, i) => [path, files[i]!] as const).filter(([path]) => !isSystemPath(path)),
  );
  const meta = [...byPath.keys()].filter((path) => /(^|\/)meta\.json$/.test(path)).sort(byDepth)[0];
  if (meta !== undefined) return fromMeta(byPath, meta);
  const known = await recognise(
    createFolder('', [...byPath.keys()].sort(), {
      path: (file) => file,
      readText: (file) => textOf(byPath.get(file)!),
      hasAnomaly: (file) => studio().hasAnomaly(byPath.get(file)!),
    }),
  );
  if (!known) {
    const { items, notes } = pairMasks(byPath);
    const shapes = [...new Set(layouts.map(({ name }) => name))].join(', ');
    return {
      items,
      notes: [
        ...otherFormats([...byPath.keys()]),
        `The folder has none of the known layouts (${shapes}).`,
        ...notes,
      ],
    };
  }
  const testing = known.entries.filter(({ split }) => split === 'test');
  const entries = testing.length > 0 ? testing : known.entries;
  const { items, missing } = await itemsOf(entries, byPath);
  const problems = known.problems.map(
    ({ file, expected, found }) => `${file}: expected ${expected}, found ${found}`,
  );
  const labels = known.allAnomalous ? [] : labelNotes(entries);
  return {
    items,
    notes: [`Read as ${known.known ?? known.layout}.`, ...known.notes, ...labels, ...problems, ...missing],
  };
}

const textOf = async (file: File): Promise<string> => decodeText(new Uint8Array(await file.arrayBuffer()));

/** What is said where all images have one label. */
const labelNotes = (entries: readonly MetaEntry[]): string[] =>
  labelFindings(entries).map(({ expected, found }) => `Expected ${expected}, found ${found}.`);

const byDepth = (a: string, b: string): number => a.split('/').length - b.split('/').length;

async function fromMeta(files: ReadonlyMap<string, File>, meta: string): Promise<ReadFolder> {
  const text = await textOf(files.get(meta)!);
  const splits = metaSplits(text);
  const folder = meta.slice(0, -'meta.json'.length);
  const listed = createFolder('', [...files.keys()], {
    path: (file) => file,
    readText: (file) => textOf(files.get(file)!),
    hasAnomaly: (file) => studio().hasAnomaly(files.get(file)!),
  });
  // A page does not see where the folder is: the last parts of an absolute path that lead to a file.
  const relative = (path: string): string | null => {
    const parts = path.split(/[/\\]+/).filter((part) => part !== '');
    const starts = [...parts.keys()].filter((start) => parts.length - start >= 2);
    const own = starts.map((start) => parts.slice(start).join('/'));
    return own.find((end) => listed.file(folder + end) !== undefined) ?? null;
  };
  const locate = (file: string): string => listed.file(folder + file) ?? folder + file;
  const split = splits.includes('test') ? 'test' : splits[0]!;
  const entries = parseMeta(text, meta, split, relative).map((entry) => ({
    ...entry,
    image: locate(entry.image),
    mask: entry.mask === null ? null : mapMask(entry.mask, locate),
  }));
  const { items, missing } = await itemsOf(entries, files);
  return { items, notes: ['Read by its meta.json.', ...labelNotes(entries), ...missing] };
}

async function itemsOf(entries: readonly MetaEntry[], files: ReadonlyMap<string, File>) {
  const missing: string[] = [];
  const items: NewItem[] = [];
  for (const { image, mask, anomaly } of entries) {
    const file = files.get(image);
    const masks = mask === null ? [] : typeof mask === 'string' ? [mask] : mask;
    const found = masks.flatMap((path) => files.get(path) ?? []);
    if (!file || found.length < masks.length) {
      missing.push(`${file ? masks.find((path) => !files.has(path)) : image} is missing.`);
      if (!file) continue;
    }
    const whole = found.length > 0 && found.length === masks.length;
    items.push({
      name: image,
      image: file,
      defective: anomaly,
      ...(whole ? await maskOf(found, masks, missing) : {}),
    });
  }
  return { items, missing };
}

/** One mask of several files; parts that cannot be united are named, and the image needs another mask. */
async function maskOf(found: readonly File[], names: readonly string[], problems: string[]) {
  if (found.length === 1) return { mask: found[0]!, maskName: names[0]! };
  try {
    return { mask: await studio().uniteMasks(found), maskName: names.join(' + ') };
  } catch {
    problems.push(`The masks ${names.join(', ')} differ in size or cannot be read, and were left out.`);
    return {};
  }
}
