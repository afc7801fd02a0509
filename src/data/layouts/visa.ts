/** VisA as it is distributed: one folder per class, the split in split_csv/1cls.csv. */
import { nameKey } from '../../base/names.ts';
import { staysInside } from '../dataset.ts';
import { DatasetError } from '../errors.ts';
import { parseTable } from './csv.ts';
import type { Folder, Layout, LayoutEntry } from './layout.ts';

const usualFile = 'split_csv/1cls.csv';

/**
 * Kinds of defects by image, from each class's image_anno.csv: several in one image are joined (`melt, scratch`).
 * Paths there may lack the class's folder.
 */
async function defectKinds(folder: Folder): Promise<Map<string, string>> {
  const kinds = new Map<string, string>();
  for (const file of folder.files.filter((name) => /^[^/]+\/image_anno\.csv$/i.test(name))) {
    const prefix = file.slice(0, file.indexOf('/') + 1);
    for (const { image, label } of parseTable(await folder.readText(file), folder.path(file), [
      'image',
      'label',
    ])) {
      const path = image.replaceAll('\\', '/');
      kinds.set(nameKey(path.startsWith(prefix) ? path : prefix + path), label.split(/\s*,\s*/).join(', '));
    }
  }
  return kinds;
}

export const visa: Layout = {
  name: 'VisA',
  shape: usualFile,
  async list(folder) {
    const splitFile = folder.file(usualFile);
    if (splitFile === undefined) return null;
    const kinds = await defectKinds(folder);
    const rows = parseTable(await folder.readText(splitFile), folder.path(splitFile), [
      'object',
      'split',
      'label',
      'image',
      'mask',
    ]);
    const entries = rows.map(({ object, split, label, image, mask }, i): LayoutEntry => {
      const field = `line ${i + 2}`;
      const fail = (column: string, expected: string, found: string): never => {
        throw new DatasetError({
          file: folder.path(splitFile),
          field: `${field}, ${column}`,
          expected,
          found: JSON.stringify(found),
        });
      };
      if (split !== 'train' && split !== 'test') return fail('split', 'train or test', split);
      if (label !== 'normal' && label !== 'anomaly') return fail('label', 'normal or anomaly', label);
      if (object === '') fail('object', 'the name of a class', object);
      if (!staysInside(image)) fail('image', 'a path inside the folder', image);
      const anomaly = label === 'anomaly';
      const key = nameKey(image.replaceAll('\\', '/'));
      if (anomaly && !staysInside(mask)) fail('mask', 'a path inside the folder', mask);
      return {
        image,
        mask: anomaly ? mask : null,
        className: object,
        defect: anomaly ? (kinds.get(key) ?? 'anomaly') : 'good',
        anomaly,
        field: `${splitFile}, ${field}`,
        split,
      };
    });
    return { entries, problems: [], notes: [] };
  },
};
