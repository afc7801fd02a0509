/** Reading a whole data set to find what is wrong with it. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { type CheckReport, countClasses, type Finding } from './check.ts';
import { checkEntry, listDataset } from './dataset.node.ts';
import { ImageError, MaskError } from './errors.ts';
import { describeUsedBits, labelFindings, oddMasks } from './findings.ts';
import { type DecodeOptions, readMask, withImage, withImageBytes } from './image.node.ts';
import { oddMask, type UsedBits } from './image.ts';
import type { LayoutEntry } from './layouts/layout.ts';

export interface CheckOptions extends DecodeOptions {
  /** Called after each image. */
  onProgress?: (done: number, total: number) => void;
}

/** Images in memory at once. */
const concurrency = 4;

interface Checked {
  findings: Finding[];
  /** sha256 of the image's bytes; null if it cannot be read. */
  hash: string | null;
  usedBits?: UsedBits | undefined;
}

/**
 * Reads every image and mask of both splits. Throws DatasetError as openDataset does: for a folder in no known
 * layout and for label files that are wrong; everything else is a finding.
 */
export async function checkDataset(dir: string, options: CheckOptions = {}): Promise<CheckReport> {
  const root = path.resolve(dir);
  const { entries, layout, known, problems, notes, allAnomalous } = await listDataset(root);
  const relative = (file: string): string => path.relative(root, file).split(path.sep).join('/');
  const findings = problems.map((problem): Finding => ({ ...problem, file: relative(problem.file) }));
  const checked = new Array<Checked>(entries.length);
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < entries.length) {
      const i = next++;
      checked[i] = await checkImage(root, entries[i]!, relative, options);
      options.onProgress?.(++done, entries.length);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  findings.push(
    ...checked.flatMap((result) => result.findings),
    ...mixedRanges(entries, checked),
    ...duplicates(entries, checked),
    ...(allAnomalous ? [] : labelFindings(entries).map(({ className: _, ...finding }) => finding)),
  );
  return {
    root,
    name: known ?? path.basename(root),
    layout,
    classes: countClasses(entries),
    findings,
    notes: [
      ...notes,
      ...(allAnomalous ? ['all images are anomalous, as the layout says: no image metrics'] : []),
      ...describeUsedBits(entries.map(({ image }, i) => ({ file: image, usedBits: checked[i]?.usedBits }))),
    ],
  };
}

async function checkImage(
  root: string,
  entry: LayoutEntry,
  relative: (file: string) => string,
  options: CheckOptions,
): Promise<Checked> {
  const result = await checkEntry(root, entry);
  if ('problem' in result) {
    const { problem } = result;
    return { findings: [{ ...problem, file: relative(problem.file) }], hash: null };
  }
  const { sample } = result;
  let hash: string | null = null;
  try {
    const { width, height, usedBits } = await withImageBytes(sample.image, (bytes) => {
      hash = createHash('sha256').update(bytes).digest('hex');
      return withImage(bytes, sample.image, ({ data: _, ...rest }) => rest, options);
    });
    const rest = { hash, usedBits };
    if (sample.mask === undefined) return { findings: [], ...rest };
    const odd = oddMask(await readMask(sample.mask, { width, height }, options));
    if (!odd) return { findings: [], ...rest };
    const first = typeof sample.mask === 'string' ? sample.mask : sample.mask[0]!;
    const [expected, found] = oddMasks[odd];
    const finding: Finding = {
      kind: `${odd} mask`,
      file: relative(first),
      expected: `${expected}, as ${entry.image} is ${entry.defect}`,
      found,
    };
    return { findings: [finding], ...rest };
  } catch (error) {
    return { findings: [failure(error, sample.image, relative)], hash };
  }
}

/** Classes whose images use different ranges of 16-bit samples, so that their brightness cannot be compared. */
function mixedRanges(entries: readonly LayoutEntry[], checked: readonly Checked[]): Finding[] {
  const classes = new Map<string, { bits: Set<number>; example: string }>();
  entries.forEach(({ className, image }, i) => {
    const { hash, usedBits } = checked[i]!;
    if (hash === null) return;
    const own = classes.get(className) ?? { bits: new Set(), example: image };
    own.bits.add(usedBits ?? 0);
    if (usedBits) own.example = image;
    classes.set(className, own);
  });
  return [...classes]
    .filter(([, { bits }]) => bits.size > 1)
    .map(([className, { example }]) => ({
      kind: 'sample range',
      file: example,
      expected: `samples of one range in class ${className}`,
      found: 'some images that use 8 or 12 bits of 16 and are brightened, and some that are not',
    }));
}

function failure(error: unknown, image: string, relative: (file: string) => string): Finding {
  if (error instanceof MaskError || error instanceof ImageError) {
    const { file, expected, found } = error;
    const kind = error instanceof MaskError ? 'size mismatch' : 'unreadable';
    return { kind, file: relative(file), expected, found };
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return { kind: 'unreadable', file: relative(image), expected: 'a readable file', found: code };
}

/** One finding for each image that an earlier one equals byte by byte. */
function duplicates(entries: readonly LayoutEntry[], checked: readonly Checked[]): Finding[] {
  const first = new Map<string, LayoutEntry>();
  const findings: Finding[] = [];
  entries.forEach((entry, i) => {
    const { hash } = checked[i]!;
    if (hash === null) return;
    const original = first.get(hash);
    if (!original) {
      first.set(hash, entry);
      return;
    }
    const labels = original.anomaly === entry.anomaly ? '' : ', with another label';
    const across = original.split === entry.split ? '' : `, in the split ${original.split}`;
    findings.push({
      kind: 'duplicate',
      file: entry.image,
      expected: 'an image of its own',
      found: `the content of ${original.image}${labels}${across}`,
    });
  });
  return findings;
}
