/** ELPV: solar cells, a defect probability for each in labels.csv. */
import { staysInside } from '../dataset.ts';
import { parseRecords, refuseIn } from './csv.ts';
import type { Layout, LayoutEntry } from './layout.ts';

/** At the root, or where the data set's repository and its Python package keep it. */
const labelFiles = ['labels.csv', 'src/elpv_dataset/data/labels.csv'];

/**
 * A probability of 0 is a normal image, 1 an anomalous one; images between, on which the experts were not sure,
 * are left out, as the field does. The kind of defect is the kind of cell, `mono` or `poly`.
 */
export const elpv: Layout = {
  name: 'ELPV',
  shape: 'labels.csv (<image> <probability> mono|poly), images/',
  async list(folder) {
    const file = labelFiles.flatMap((name) => folder.file(name) ?? [])[0];
    if (file === undefined) return null;
    const text = await folder.readText(file);
    if (!/^\s*images[/\\]\S+\s+[\d.]+\s+(?:mono|poly)\s/.test(`${text}\n`)) return null;
    const prefix = file.slice(0, file.lastIndexOf('/') + 1);
    const records = parseRecords(text.replace(/[ \t]+/g, ','), folder.path(file));
    const entries: LayoutEntry[] = [];
    const unsure: string[] = [];
    records.forEach(([image = '', probability = '', type = ''], i) => {
      const fail = refuseIn(folder.path(file), `line ${i + 1}`);
      if (!staysInside(image)) fail('a path inside the folder', image);
      const value = probability === '' ? Number.NaN : Number(probability);
      if (!(value >= 0 && value <= 1)) fail('a probability in [0, 1]', probability);
      if (value > 0 && value < 1) {
        unsure.push(folder.file(prefix + image) ?? image);
        return;
      }
      const anomaly = value === 1;
      entries.push({
        image: prefix + image,
        mask: null,
        className: 'solar_cell',
        defect: anomaly ? type : 'good',
        anomaly,
        field: `${file}, line ${i + 1}`,
        split: 'test',
      });
    });
    const notes =
      unsure.length > 0
        ? [`${unsure.length} images with a defect probability between 0 and 1 are left out`]
        : [];
    return { entries, problems: [], notes, accounted: unsure };
  },
};
