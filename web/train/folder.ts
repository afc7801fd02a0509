// A folder of images with masks, in any layout that the command line reads.
import { type MetaEntry, mapMask, metaSplits, parseMeta } from '../../src/data/dataset.ts';
import { layouts, recognise } from '../../src/data/layouts/index.ts';
import { createFolder } from '../../src/data/layouts/layout.ts';
import { imagesAmong, type Taken } from '../core/files.ts';
import { plural } from '../core/format.ts';
import { studio } from '../studio/studio.ts';
import type { NewItem } from './items.ts';

export interface ReadFolder {
  readonly items: readonly NewItem[];
  /** How it was read, and what could not be. */
  readonly notes: readonly string[];
}

/** @throws DatasetError for label files that are wrong */
export async function readFolder({ files, paths }: Taken): Promise<ReadFolder> {
  const byPath = new Map(
    paths.map((path, i) => [path, files[i]!] as const).filter(([path]) => !/(^|\/)\./.test(path)),
  );
  const meta = [...byPath.keys()].filter((path) => /(^|\/)meta\.json$/.test(path)).sort(byDepth)[0];
  if (meta !== undefined) return fromMeta(byPath, meta);
  const known = await recognise(
    createFolder('', [...byPath.keys()].sort(), {
      path: (file) => file,
      readText: (file) => byPath.get(file)!.text(),
      hasAnomaly: (file) => studio().hasAnomaly(byPath.get(file)!),
    }),
  );
  if (!known) {
    const images = imagesAmong(byPath.values());
    const shapes = layouts.map(({ name }) => name).join(', ');
    return {
      items: images.map((image) => ({ name: image.name, image })),
      notes: [
        `${plural(images.length, 'image')} taken as normal, as the folder has none of the known layouts (${shapes}). Paint a mask where there is a defect.`,
      ],
    };
  }
  const testing = known.entries.filter(({ split }) => split === 'test');
  const entries = testing.length > 0 ? testing : known.entries;
  const { items, missing } = await itemsOf(entries, byPath);
  const problems = known.problems.map(
    ({ file, expected, found }) => `${file}: expected ${expected}, found ${found}`,
  );
  return {
    items,
    notes: [`Read as ${known.known ?? known.layout}.`, ...known.notes, ...problems, ...missing],
  };
}

const byDepth = (a: string, b: string): number => a.split('/').length - b.split('/').length;

async function fromMeta(files: ReadonlyMap<string, File>, meta: string): Promise<ReadFolder> {
  const text = await files.get(meta)!.text();
  const splits = metaSplits(text);
  const folder = meta.slice(0, -'meta.json'.length);
  const entries = parseMeta(text, meta, splits.includes('test') ? 'test' : splits[0]!).map((entry) => ({
    ...entry,
    image: folder + entry.image,
    mask: entry.mask === null ? null : mapMask(entry.mask, (file) => folder + file),
  }));
  const { items, missing } = await itemsOf(entries, files);
  return { items, notes: ['Read by its meta.json.', ...missing] };
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
      ...(whole ? { mask: found.length === 1 ? found[0]! : await studio().uniteMasks(found) } : {}),
    });
  }
  return { items, missing };
}
