/** KolektorSDD: kos<nn>/Part<n>.jpg, each with a mask Part<n>_label.bmp, all zero where there is no defect. */
import type { DatasetProblem } from '../dataset.ts';
import { ImageError } from '../errors.ts';
import { baseName, imageStem, type Layout, type LayoutEntry } from './layout.ts';

const isLabel = (file: string): boolean => /_label\.bmp$/i.test(file);

/** An image is anomalous if its mask has an anomalous pixel. */
export const kolektor: Layout = {
  name: 'KolektorSDD',
  shape: 'kos<nn>/Part<n>.jpg, kos<nn>/Part<n>_label.bmp',
  async list(folder) {
    const images = folder.files.filter(
      (file) => /^kos\d+\/[^/]+$/i.test(file) && imageStem(file) !== null && !isLabel(file),
    );
    const labels = folder.files.filter((file) => /^kos\d+\//i.test(file) && isLabel(file));
    if (images.length === 0 || labels.length === 0) return null;
    const entries: LayoutEntry[] = [];
    const problems: DatasetProblem[] = [];
    const used = new Set<string>();
    for (const image of images) {
      const expected = `${imageStem(image)}_label`;
      const mask = folder.find(expected)[0];
      if (mask === undefined) {
        problems.push({
          kind: 'missing',
          file: `${expected}.bmp`,
          expected: `the mask of ${image}`,
          found: 'no such file',
        });
        continue;
      }
      used.add(mask);
      try {
        const anomaly = await folder.hasAnomaly(mask);
        entries.push({
          image,
          mask: anomaly ? mask : null,
          className: 'electrical commutators',
          defect: anomaly ? 'defect' : 'good',
          anomaly,
          field: `${image.slice(0, image.lastIndexOf('/') + 1)}`,
          split: 'test',
        });
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        problems.push({ kind: 'unreadable', file: mask, expected: error.expected, found: error.found });
      }
    }
    for (const file of labels.filter((label) => !used.has(label))) {
      problems.push({
        kind: 'unused mask',
        file,
        expected: `the image of ${baseName(file)}`,
        found: 'no such file',
      });
    }
    return { entries, problems, notes: [], accounted: [...images, ...labels] };
  },
};
