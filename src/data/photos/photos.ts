/** A folder of captioned photographs, described by index.jsonl: what each shows, in which state, under which licence. */
import { z } from 'zod';
import { DatasetError } from '../errors.ts';

export interface Photo {
  /** Relative to the folder, with `/`. */
  readonly image: string;
  readonly mask: string | null;
  /** The folder below images/ that it lies in. */
  readonly source: string;
  /** What is to be seen: "hot rolled steel strip". */
  readonly caption: string;
  /** `normal`, or the kind of defect. */
  readonly state: string;
  readonly group: string;
  readonly licence: string;
}

/** Sources that no training sees, so that they can be measured on: a tenth of the sources, both with masks. */
export const heldOutSources: readonly string[] = ['concrete_damage', 'hsst_fabric'];

const inside = z
  .string('expected a path inside the folder')
  .regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$)).+$/, 'expected a path inside the folder');
const stateWords = 'expected "normal" or the kind of defect';
const licenceName = "expected a licence's name";
const line = z.object({
  path: inside.regex(/^images\/[^/]+\//, 'expected images/SOURCE/...'),
  mask: inside.nullish(),
  caption: z.string('expected words').regex(/[a-z]/i, 'expected words'),
  state: z.string(stateWords).min(1, stateWords),
  group: z.string().default('object'),
  licence: z.string(licenceName).min(1, licenceName),
});

/** @param file for messages @throws DatasetError naming the line and the field */
export function parsePhotos(text: string, file: string): Photo[] {
  const photos = text.split(/\r?\n/).flatMap((row, index): Photo[] => {
    if (row.trim() === '') return [];
    const place = `line ${index + 1}`;
    let value: unknown;
    try {
      value = JSON.parse(row);
    } catch (cause) {
      throw new DatasetError(
        { file, field: place, expected: 'a JSON object', found: row.slice(0, 60) },
        { cause },
      );
    }
    const { success, data, error } = line.safeParse(value);
    if (!success) {
      const { path, message } = error.issues[0]!;
      const field = path.join('.');
      const found = (value as Record<string, unknown> | null)?.[field];
      throw new DatasetError({
        file,
        field: `${place}.${field}`,
        expected: message.replace(/^expected /, ''),
        found: found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 60),
      });
    }
    const { path: image, mask = null, caption, state, group, licence } = data;
    return [{ image, mask, source: image.split('/')[1]!, caption, state, group, licence }];
  });
  if (photos.length === 0)
    throw new DatasetError({ file, field: null, expected: 'at least one photograph', found: 'none' });
  return photos;
}

/** Sources in the order of the index, each with its photographs. */
export function bySource(photos: readonly Photo[]): Map<string, Photo[]> {
  const sources = new Map<string, Photo[]>();
  for (const photo of photos) {
    const own = sources.get(photo.source);
    if (own) own.push(photo);
    else sources.set(photo.source, [photo]);
  }
  return sources;
}

/** Photographs of a training: all but those of held-out sources. */
export const trainingPhotos = (photos: readonly Photo[], heldOut: readonly string[]): Photo[] =>
  photos.filter(({ source }) => !heldOut.includes(source));

/** A licence's photographs, for a model card. */
export function licences(photos: readonly Photo[]): { source: string; licence: string; images: number }[] {
  const rows = new Map<string, { source: string; licence: string; images: number }>();
  for (const { source, licence } of photos) {
    const row = rows.get(`${source} ${licence}`) ?? { source, licence, images: 0 };
    row.images += 1;
    rows.set(`${source} ${licence}`, row);
  }
  return [...rows.values()].sort((a, b) => (a.source < b.source ? -1 : 1));
}
