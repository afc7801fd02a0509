/** Opening data sets in a folder: meta.json as the field's code writes it, or one of the layouts of layouts/. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { describeContent } from '../base/content.ts';
import { decodeText } from '../base/decode-text.ts';
import { absolutePaths } from './absolute-paths.node.ts';
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
  splits,
} from './dataset.ts';
import { DatasetError } from './errors.ts';
import { labelFindings } from './findings.ts';
import { type ListedFolder, readFolder, readLabels } from './folder.node.ts';
import { type DecodeOptions, readImage, readMask } from './image.node.ts';
import type { Mask, RgbImage } from './image.ts';
import { type Recognised, recognise } from './layouts/index.ts';
import type { LayoutEntry } from './layouts/layout.ts';
import { nearestLayout } from './layouts/nearest.ts';

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
  const { entries, layout, known, problems: listed, notes, allAnomalous } = await listDataset(root, split);
  const own = entries.filter((entry) => entry.split === split);
  const checked = await Promise.all(own.map((entry) => checkEntry(root, entry)));
  const problems = [...listed];
  const samples: Sample[] = [];
  for (const result of checked) {
    if ('problem' in result) problems.push(result.problem);
    else samples.push(result.sample);
  }
  if (samples.length === 0) {
    const first = problems[0];
    const other = splits.find((name) => name !== split)!;
    const others = await listDataset(root).then(
      (all) => all.entries.filter((entry) => entry.split === other).length,
      () => 0,
    );
    throw new DatasetError({
      file: root,
      field: split,
      expected: 'at least one image',
      found:
        own.length > 0 && first
          ? `${own.length} entries, none complete; first: ${first.file}: ${first.found}`
          : others > 0
            ? `none; the split ${other} has ${others}`
            : 'none',
    });
  }
  const labels = allAnomalous ? [] : labelFindings(own, split);
  for (const { className, ...problem } of labels) {
    if (className === undefined) problems.push({ ...problem, file: root });
    else notes.push(`expected ${problem.expected}, found ${problem.found}`);
  }
  const classes = [...new Set(samples.map((s) => s.className))];
  return { root, name: known ?? path.basename(root), layout, split, classes, samples, problems, notes };
}

/**
 * All that a data set lists, paths of entries relative to `root`, those of problems absolute; of a meta.json only the
 * split `wanted`, by default those that it has. Throws as {@link openDataset}.
 */
export async function listDataset(root: string, wanted?: Split): Promise<Recognised> {
  if (!(await isKind(root, 'directory'))) {
    throw new DatasetError({
      file: root,
      field: null,
      expected: 'a folder',
      found: (await isKind(root, 'file')) ? 'a file' : 'nothing',
    });
  }
  const metaFile = path.join(root, 'meta.json');
  if (await isKind(metaFile, 'file')) return listMeta(root, metaFile, wanted);
  const folder = await readFolder(root);
  const recognised = await recognise(folder);
  if (!recognised) {
    const { nearest, details } = nearestLayout(folder);
    throw new DatasetError(
      {
        file: root,
        field: null,
        expected: 'meta.json or a known layout',
        found: `neither; nearest: ${nearest}`,
      },
      {
        details,
      },
    );
  }
  const problems = [...recognised.problems, ...unreadable(folder)].map((problem) => ({
    ...problem,
    file: path.join(root, problem.file),
  }));
  return { ...recognised, problems };
}

/** A folder that cannot be listed may hold images: each of them is missing. */
const unreadable = (folder: ListedFolder): DatasetProblem[] =>
  folder.unreadable.map(({ path: file, reason }) => ({
    kind: 'unreadable',
    file,
    expected: 'a folder or file that can be read',
    found: reason,
  }));

async function listMeta(root: string, metaFile: string, wanted?: Split): Promise<Recognised> {
  const bytes = await readLabels(metaFile);
  const text = decodeText(bytes);
  if (!/^\s*[{[]/.test(text))
    throw new DatasetError({ file: metaFile, field: null, expected: 'JSON', found: describeContent(bytes) });
  const { relative, moved } = absolutePaths(root);
  const listed = (wanted ? [wanted] : metaSplits(text)).flatMap((split) =>
    parseMeta(text, metaFile, split, relative).map((entry) => ({ ...entry, split })),
  );
  const notes =
    moved.length > 0
      ? [`${moved.length} paths of meta.json lead elsewhere and are read below this folder, e.g. ${moved[0]}`]
      : [];
  const entries = await located(root, listed);
  return { entries, layout: 'meta.json', known: null, problems: [], notes };
}

/** Entries with the files that their paths mean, where no file has just this path: Windows' separators, other Unicode forms. */
async function located(root: string, entries: readonly LayoutEntry[]): Promise<LayoutEntry[]> {
  const exact = await Promise.all(entries.map(async (entry) => 'sample' in (await checkEntry(root, entry))));
  if (!exact.includes(false)) return [...entries];
  const folder = await readFolder(root).catch((error: unknown) => {
    if (error instanceof DatasetError) return undefined;
    throw error;
  });
  if (!folder) return [...entries];
  const locate = (file: string): string =>
    folder.file(path.posix.normalize(file.replaceAll('\\', '/'))) ?? file;
  return entries.map((entry, i) =>
    exact[i]
      ? entry
      : {
          ...entry,
          image: locate(entry.image),
          mask: entry.mask === null ? null : mapMask(entry.mask, locate),
        },
  );
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
