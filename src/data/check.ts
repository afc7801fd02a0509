import { visible } from '../base/text.ts';

/** What is right and wrong with a data set, as data for programs and as text for people. */
import type { Split } from './dataset.ts';

export const findingKinds = [
  'missing',
  'unreadable',
  'size mismatch',
  'empty mask',
  'full mask',
  'inverted mask',
  'sample range',
  'duplicate',
  'unused mask',
  'unused file',
  'one label',
  'no images',
] as const;
export type FindingKind = (typeof findingKinds)[number];

export interface Finding {
  kind: FindingKind;
  /** Relative to the data set's folder, with `/`. */
  file: string;
  expected: string;
  found: string;
}

export interface ClassCount {
  className: string;
  split: Split;
  images: number;
  normal: number;
  anomalous: number;
  /** Anomalous images with a mask. */
  masks: number;
  /** Images of each kind of defect (or of no defect), as the data set calls it. */
  defects: Record<string, number>;
}

export interface CheckReport {
  root: string;
  /** The data set, or the folder's name. */
  name: string;
  layout: string;
  classes: ClassCount[];
  findings: Finding[];
  /** What was left out by rule. */
  notes: string[];
}

/** Images per class and split, in the order of the entries. */
export function countClasses(
  entries: readonly { className: string; split: Split; defect: string; anomaly: boolean; mask: unknown }[],
): ClassCount[] {
  const counts = new Map<string, ClassCount & { kinds: Map<string, number> }>();
  for (const { className, split, defect, anomaly, mask } of entries) {
    const key = JSON.stringify([className, split]);
    const count = counts.get(key) ?? {
      className,
      split,
      images: 0,
      normal: 0,
      anomalous: 0,
      masks: 0,
      defects: {},
      kinds: new Map(), // a defect may be called like a member of every object
    };
    counts.set(key, count);
    count.images++;
    if (anomaly) count.anomalous++;
    else count.normal++;
    if (mask !== null) count.masks++;
    count.kinds.set(defect, (count.kinds.get(defect) ?? 0) + 1);
  }
  return [...counts.values()].map(({ kinds, ...count }) => ({
    ...count,
    defects: Object.fromEntries(kinds),
  }));
}

/** The report as lines. `limit`: findings of one kind that are printed, the others are counted. */
export function formatReport(report: CheckReport, limit = 20): string {
  const { root, name, layout, classes, findings, notes } = report;
  const lines = [`${root}: ${name}, read as ${layout}`];
  for (const { className, split, images, normal, anomalous, masks, defects } of classes) {
    const kinds = Object.entries(defects).map(([kind, count]) => `${kind} ${count}`);
    lines.push(
      `  ${className}, ${split}: ${images} images, ${normal} normal, ${anomalous} anomalous, ${masks} masks (${kinds.join(', ')})`,
    );
  }
  for (const note of notes) lines.push(`  note: ${note}`);
  for (const kind of findingKinds) {
    const some = findings.filter((finding) => finding.kind === kind);
    if (some.length === 0) continue;
    lines.push(`${kind}: ${some.length}`);
    for (const { file, expected, found } of some.slice(0, limit)) {
      lines.push(`  ${file}: expected ${expected}, found ${found}`);
    }
    if (some.length > limit) lines.push(`  and ${some.length - limit} more`);
  }
  lines.push(findings.length === 0 ? 'nothing is wrong' : `${findings.length} findings`);
  return lines.map(visible).join('\n');
}
