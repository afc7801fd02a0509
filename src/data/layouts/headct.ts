/** HeadCT (Head CT - hemorrhage): head_ct/head_ct/000.png ..., labels.csv with `id, hemorrhage`. */
import { parseTable, refuseIn } from './csv.ts';
import type { Layout, LayoutEntry } from './layout.ts';

/** Folders in which the images are found, depending on how the archive was unpacked. */
const imageFolders = ['head_ct/head_ct/', 'head_ct/', ''];

export const headCt: Layout = {
  name: 'HeadCT',
  shape: 'labels.csv (id, hemorrhage), head_ct/head_ct/<id>.png',
  async list(folder) {
    const file = folder.file('labels.csv');
    if (file === undefined) return null;
    const text = await folder.readText(file);
    if (!/^\s*id\s*[,;\t]\s*hemorrhage\s/i.test(text)) return null;
    const entries = parseTable(text, folder.path(file), ['id', 'hemorrhage']).map(
      ({ id, hemorrhage }, i): LayoutEntry => {
        const field = `line ${i + 2}`;
        const fail = refuseIn(folder.path(file), field);
        if (!/^\d+$/.test(id)) fail('an integer', id, 'id');
        if (hemorrhage !== '0' && hemorrhage !== '1') fail('0 or 1', hemorrhage, 'hemorrhage');
        const name = id.padStart(3, '0');
        const image = imageFolders.flatMap((path) => folder.find(path + name))[0];
        const anomaly = hemorrhage === '1';
        return {
          image: image ?? `${imageFolders[0]}${name}.png`,
          mask: null,
          className: 'brain',
          defect: anomaly ? 'hemorrhage' : 'normal',
          anomaly,
          field: `${file}, ${field}`,
          split: 'test',
        };
      },
    );
    return { entries, problems: [], notes: [] };
  },
};
