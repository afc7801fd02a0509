/** Opening data sets in a folder: meta.json as the field's code writes it, or the layout of MVTec AD. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  type Dataset,
  type DatasetProblem,
  type MetaEntry,
  parseMeta,
  type Sample,
  type Split,
} from './dataset.ts';
import { DatasetError } from './errors.ts';
import { type DecodeOptions, readImage, readMask } from './image.node.ts';
import { imageExtensions, type Mask, type RgbImage } from './image.ts';

export interface OpenOptions {
  /** Default `test`: the field trains on a data set's test split too, because only that one has defects. */
  split?: Split;
}

/**
 * Opens a data set: `meta.json` if the folder has one, else MVTec AD's layout, where the folder is one class
 * (`test/<kind>/`, `ground_truth/<kind>/<name>_mask.png`, `train/good/`) or holds several.
 *
 * Throws {@link DatasetError} if the folder is neither, if meta.json is wrong, or if no sample is left. A sample
 * whose image or mask is missing is left out and named in `problems`. Mask sizes are checked by
 * {@link loadSample}, when the image is read.
 */
export async function openDataset(dir: string, { split = 'test' }: OpenOptions = {}): Promise<Dataset> {
  const root = path.resolve(dir);
  if (!(await isKind(root, 'directory'))) {
    throw new DatasetError(root, null, 'a folder', (await isKind(root, 'file')) ? 'a file' : 'nothing');
  }
  const metaFile = path.join(root, 'meta.json');
  const entries = (await isKind(metaFile, 'file'))
    ? parseMeta(await readFile(metaFile, 'utf8'), metaFile, split)
    : await listMvtec(root, split);

  const problems: DatasetProblem[] = [];
  const checked = await Promise.all(entries.map((entry) => checkEntry(root, entry)));
  const samples: Sample[] = [];
  for (const result of checked) {
    if ('problem' in result) problems.push(result.problem);
    else samples.push(result.sample);
  }
  if (samples.length === 0) {
    const first = problems[0];
    throw new DatasetError(
      root,
      split,
      'at least one image',
      first ? `${problems.length} entries, none complete; first: ${first.file}: ${first.found}` : 'none',
    );
  }
  return { root, split, classes: [...new Set(samples.map((s) => s.className))], samples, problems };
}

/**
 * Image and mask of a sample. The mask of a normal image is all zero; that of an anomalous image without ground
 * truth is absent. Throws ImageError and MaskError (another size than the image's) with the file.
 */
export async function loadSample(
  sample: Sample,
  options: DecodeOptions = {},
): Promise<{ image: RgbImage; mask?: Mask }> {
  const image = await readImage(sample.image, options);
  const { width, height } = image;
  if (sample.mask !== undefined)
    return { image, mask: await readMask(sample.mask, { width, height }, options) };
  if (sample.anomaly) return { image };
  return { image, mask: { width, height, data: new Uint8Array(width * height) } };
}

async function isKind(file: string, kind: 'file' | 'directory'): Promise<boolean> {
  const stats = await stat(file).catch(() => null);
  return stats !== null && (kind === 'file' ? stats.isFile() : stats.isDirectory());
}

async function checkEntry(
  root: string,
  entry: MetaEntry,
): Promise<{ sample: Sample } | { problem: DatasetProblem }> {
  const image = path.join(root, entry.image);
  if (!(await isKind(image, 'file'))) {
    return { problem: { file: image, expected: `an image (${entry.field})`, found: 'no such file' } };
  }
  const { className, defect, anomaly } = entry;
  if (entry.mask === null) return { sample: { image, className, defect, anomaly } };
  const mask = path.join(root, entry.mask);
  if (!(await isKind(mask, 'file'))) {
    return {
      problem: { file: mask, expected: `the mask of ${entry.image} (${entry.field})`, found: 'no such file' },
    };
  }
  return { sample: { image, mask, className, defect, anomaly } };
}

/** Names in a folder, hidden ones left out, sorted by code unit; empty if there is no such folder. */
async function names(folder: string, kind: 'file' | 'directory'): Promise<string[]> {
  const all = await readdir(folder).catch(() => []);
  const visible = all.filter((name) => !name.startsWith('.')).sort();
  const matches = await Promise.all(visible.map((name) => isKind(path.join(folder, name), kind)));
  return visible.filter((_, i) => matches[i]);
}

async function images(folder: string): Promise<string[]> {
  return (await names(folder, 'file')).filter((name) =>
    imageExtensions.includes(path.extname(name).toLowerCase()),
  );
}

async function listMvtec(root: string, split: Split): Promise<MetaEntry[]> {
  const inside = async (folder: string): Promise<boolean> =>
    (await isKind(path.join(folder, 'test'), 'directory')) ||
    (await isKind(path.join(folder, 'train'), 'directory'));
  if (await inside(root)) return listClass(root, '', path.basename(root), split);
  const entries: MetaEntry[] = [];
  let found = false;
  for (const name of await names(root, 'directory')) {
    if (!(await inside(path.join(root, name)))) continue;
    found = true;
    entries.push(...(await listClass(root, name, name, split)));
  }
  if (!found) {
    throw new DatasetError(
      root,
      null,
      "meta.json or MVTec AD's layout (<class>/test/<kind>/, <class>/ground_truth/<kind>/<name>_mask.png)",
      'neither',
    );
  }
  return entries;
}

/** Entries of one class, `folder` relative to the root. */
async function listClass(
  root: string,
  folder: string,
  className: string,
  split: Split,
): Promise<MetaEntry[]> {
  const hasMasks = await isKind(path.join(root, folder, 'ground_truth'), 'directory');
  const entries: MetaEntry[] = [];
  for (const defect of await names(path.join(root, folder, split), 'directory')) {
    const anomaly = defect !== 'good';
    for (const name of await images(path.join(root, folder, split, defect))) {
      const image = path.join(folder, split, defect, name);
      const stem = path.parse(name).name;
      // Without a ground_truth folder the data set labels images only.
      const mask = anomaly && hasMasks ? path.join(folder, 'ground_truth', defect, `${stem}_mask.png`) : null;
      entries.push({ image, mask, className, defect, anomaly, field: `${split}/${defect}` });
    }
  }
  return entries;
}
