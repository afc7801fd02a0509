/** DAGM 2007: Class<n>/{Train,Test}/, the masks of defective images (filled ellipses) and Labels.txt in Label/. */
import type { DatasetProblem } from '../dataset.ts';
import { parseRecords, refuseIn } from './csv.ts';
import { baseName, type Folder, imageStem, type Layout, type LayoutEntry, type Listing } from './layout.ts';

const image = /^((?:.*\/)?)(Train|Test)\/([^/]+)$/i;

/**
 * Which images a folder's Labels.txt calls defective: a line with `1`, then index, label, image, 0 and mask (or 0),
 * separated by tabs. Null without such a file.
 */
async function labelled(folder: Folder, file: string): Promise<Map<string, boolean> | null> {
  const found = folder.files.find((name) => name.toLowerCase() === file.toLowerCase());
  if (found === undefined) return null;
  const rows = parseRecords(await folder.readText(found), folder.path(found), '\t').filter(
    (row) => row.length > 1,
  );
  return new Map(
    rows.map(([, label, name], i) => {
      if (label !== '0' && label !== '1')
        refuseIn(folder.path(found), `entry ${i + 1}`)('0 or 1', label ?? '', 'label');
      return [name ?? '', label === '1'];
    }),
  );
}

/** Entries of one Train or Test folder; images that Labels.txt names but that are not there are listed too. */
async function listPart(folder: Folder, path: string, names: readonly string[]): Promise<LayoutEntry[]> {
  const labels = await labelled(folder, `${path}/Label/Labels.txt`);
  const parts = path.split('/');
  const className = parts.at(-2) ?? folder.name;
  const split = parts.at(-1)!.toLowerCase() === 'train' ? 'train' : 'test';
  return [...new Set([...names, ...(labels?.keys() ?? [])])].sort().map((name) => {
    const expected = `${path}/Label/${imageStem(name) ?? name}_label`;
    const mask = folder.find(expected)[0];
    const anomaly = labels?.get(name) ?? mask !== undefined;
    return {
      image: `${path}/${name}`,
      mask: anomaly ? (mask ?? `${expected}.PNG`) : null,
      className,
      defect: anomaly ? 'defect' : 'good',
      anomaly,
      field: `${path}/`,
      split,
    };
  });
}

export const dagm: Layout = {
  name: 'DAGM',
  shape: 'Class<n>/{Train,Test}/<name>.PNG, Class<n>/{Train,Test}/Label/<name>_label.PNG',
  async list(folder): Promise<Listing | null> {
    const masks = folder.files.filter((file) =>
      /(?:^|\/)(?:Train|Test)\/Label\/[^/]+_label\.png$/i.test(file),
    );
    if (masks.length === 0) return null;
    const parts = new Map<string, string[]>();
    for (const file of folder.files) {
      const match = imageStem(file) === null ? null : image.exec(file);
      if (!match) continue;
      const part = `${match[1]}${match[2]}`;
      parts.set(part, [...(parts.get(part) ?? []), match[3]!]);
    }
    const entries: LayoutEntry[] = [];
    for (const [part, names] of parts) entries.push(...(await listPart(folder, part, names)));
    const images = new Set(entries.map((entry) => imageStem(entry.image)?.toLowerCase()));
    const problems = masks
      .filter((mask) => !images.has(mask.toLowerCase().replace(/label\/([^/]+)_label\.png$/, '$1')))
      .map(
        (file): DatasetProblem => ({
          kind: 'unused mask',
          file,
          expected: `the image of ${baseName(file)}`,
          found: 'no such file',
        }),
      );
    return { entries, problems, notes: [], accounted: masks };
  },
};
