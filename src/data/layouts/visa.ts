/** VisA as it is distributed: one folder per class, the split in split_csv/1cls.csv. */
import { nameKey } from '../../base/names.ts';
import { staysInside } from '../dataset.ts';
import { parseTable, refuseIn } from './csv.ts';
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
      const fail = refuseIn(folder.path(splitFile), field);
      if (split !== 'train' && split !== 'test') return fail('train or test', split, 'split');
      if (label !== 'normal' && label !== 'anomaly') return fail('normal or anomaly', label, 'label');
      if (object === '') fail('the name of a class', object, 'object');
      if (!staysInside(image)) fail('a path inside the folder', image, 'image');
      const anomaly = label === 'anomaly';
      const key = nameKey(image.replaceAll('\\', '/'));
      if (anomaly && !staysInside(mask)) fail('a path inside the folder', mask, 'mask');
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
