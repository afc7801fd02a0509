/** Opening data sets in a folder: meta.json as the field's code writes it, or one of the layouts of layouts/. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  type Dataset,
  type DatasetProblem,
  type MaskFiles,
  type MetaEntry,
  mapMask,
  metaSplits,
  parseMeta,
  type Sample,
  type Split,
} from './dataset.ts';
import { DatasetError } from './errors.ts';
import { readFolder } from './folder.node.ts';
import { type DecodeOptions, readImage, readMask } from './image.node.ts';
import type { Mask, RgbImage } from './image.ts';
import { layouts, type Recognised, recognise } from './layouts/index.ts';

export interface OpenOptions {
  /** Default `test`: the field trains on a data set's test split too, because only that one has defects. */
  split?: Split;
}

/**
 * Opens a data set: `meta.json` if the folder has one, else the first layout that fits, see docs/DATASETS.md.
 *
 * Throws {@link DatasetError} if none does, if meta.json or a label file is wrong, or if no sample is left. A sample
 * whose image or mask is missing is left out and named in `problems`. Mask sizes are checked by
 * {@link loadSample}, when the image is read.
 */
export async function openDataset(dir: string, { split = 'test' }: OpenOptions = {}): Promise<Dataset> {
  const root = path.resolve(dir);
  const { entries, layout, known, problems: listed } = await listDataset(root, [split]);
  const checked = await Promise.all(
    entries.filter((entry) => entry.split === split).map((entry) => checkEntry(root, entry)),
  );
  const problems = [...listed];
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
  const classes = [...new Set(samples.map((s) => s.className))];
  return { root, name: known ?? path.basename(root), layout, split, classes, samples, problems };
}

/**
 * All that a data set lists, paths of entries relative to `root`, those of problems absolute; of a meta.json only
 * `wanted` splits, by default those that it has. Throws as {@link openDataset}.
 */
export async function listDataset(root: string, wanted?: readonly Split[]): Promise<Recognised> {
  if (!(await isKind(root, 'directory'))) {
    throw new DatasetError(root, null, 'a folder', (await isKind(root, 'file')) ? 'a file' : 'nothing');
  }
  const metaFile = path.join(root, 'meta.json');
  if (await isKind(metaFile, 'file')) {
    const text = await readFile(metaFile, 'utf8');
    const entries = (wanted ?? metaSplits(text)).flatMap((split) =>
      parseMeta(text, metaFile, split).map((entry) => ({ ...entry, split })),
    );
    return { entries, layout: 'meta.json', known: null, problems: [], notes: [] };
  }
  const recognised = await recognise(await readFolder(root));
  if (!recognised) {
    const names = [...new Set(layouts.map(({ name, shape }) => `${name} (${shape})`))];
    throw new DatasetError(
      root,
      null,
      `meta.json or one of these layouts: ${names.join('; ')}`,
      'none of them',
    );
  }
  const problems = recognised.problems.map((problem) => ({
    ...problem,
    file: path.join(root, problem.file),
  }));
  return { ...recognised, problems };
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

/** The sample of an entry, or what is missing. */
export async function checkEntry(
  root: string,
  entry: MetaEntry,
): Promise<{ sample: Sample } | { problem: DatasetProblem }> {
  const image = path.join(root, entry.image);
  if (!(await isKind(image, 'file'))) {
    return {
      problem: { kind: 'missing', file: image, expected: `an image (${entry.field})`, found: 'no such file' },
    };
  }
  const { className, defect, anomaly } = entry;
  if (entry.mask === null) return { sample: { image, className, defect, anomaly } };
  const mask = mapMask(entry.mask, (file) => path.join(root, file));
  const missing = await missingFile(mask);
  if (missing !== undefined) {
    return {
      problem: {
        kind: 'missing',
        file: missing,
        expected: `the mask of ${entry.image} (${entry.field})`,
        found: 'no such file',
      },
    };
  }
  return { sample: { image, mask, className, defect, anomaly } };
}

async function missingFile(mask: MaskFiles): Promise<string | undefined> {
  for (const file of typeof mask === 'string' ? [mask] : mask) if (!(await isKind(file, 'file'))) return file;
  return undefined;
}
