// The figures of the paper's tables (paper.json), by the names that data sets and methods have there and here.
import { type ClipConfig, knownClipConfigs } from '../model/clip/config.ts';
import paper from './paper.json' with { type: 'json' };

export const groups = ['industrial', 'medical', 'other'] as const;
export type Group = (typeof groups)[number];

/** Two metrics in percent: AUROC and AP of images, AUROC and PRO of pixels. */
export type Pair = readonly [number, number];
export type Level = 'image' | 'pixel';

const letters = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Other names of the paper's data sets. */
const aliases: ReadonlyMap<string, string> = new Map(
  Object.entries({
    mvtec: 'mvtecad',
    kolektorsdd: 'sdd',
    kolektor: 'sdd',
    dtd: 'dtdsynthetic',
    colondb: 'cvccolondb',
    clinicdb: 'cvcclinicdb',
    kvasirseg: 'kvasir',
  }),
);

const rowOf = (level: Level, dataset: string) => {
  const key = letters(dataset);
  const wanted = aliases.get(key) ?? key;
  for (const group of ['industrial', 'medical'] as const) {
    const found = Object.entries(paper[level][group]).find(([name]) => letters(name) === wanted);
    if (found) return { group, figures: found[1] as readonly number[] };
  }
  return undefined;
};

/** A data set's group in the paper; `other` for one that is not there. */
export const groupOf = (dataset: string): Group =>
  (rowOf('image', dataset) ?? rowOf('pixel', dataset))?.group ?? 'other';

/** MVTec AD, which the means of tables 3 to 5 leave out: the baselines were tuned on it. */
export const isLeftOut = (dataset: string): boolean =>
  (aliases.get(letters(dataset)) ?? letters(dataset)) === 'mvtecad';

const pairAt = (figures: readonly number[], i: number): Pair => [figures[2 * i]!, figures[2 * i + 1]!];

/** What table 1 (images) or 2 (pixels) has for a method of ours on a data set. */
export function paperFigures(level: Level, dataset: string, method: string): Pair | undefined {
  const column = Object.values(paper.methods).indexOf(method);
  const row = rowOf(level, dataset);
  return row && column >= 0 ? pairAt(row.figures, column) : undefined;
}

export interface PaperAblation {
  /** 3, 4 or 5. */
  readonly table: number;
  readonly title: string;
  readonly rows: readonly PaperRow[];
}

export interface PaperRow {
  readonly name: string;
  /** The name of the same with us, if we have it. */
  readonly method?: string | undefined;
  /** Means over the data sets of a group. */
  figures(group: Group, level: Level): Pair | undefined;
}

/** Tables 3 to 5. */
export const paperAblations: readonly PaperAblation[] = paper.ablations.map(({ table, title, rows }) => ({
  table,
  title,
  rows: rows.map(({ name, method, figures }) => ({
    name,
    method,
    figures(group, level) {
      const index = groups.indexOf(group);
      return index < 2 ? pairAt(figures, 2 * index + (level === 'pixel' ? 1 : 0)) : undefined;
    },
  })),
}));

export const { backbone: paperBackbone, protocol: paperProtocol } = paper;

/** Whether a CLIP has the paper's sizes; its weights may still be others (the paper: OpenAI's). */
export const isPaperBackbone = (config: ClipConfig): boolean =>
  JSON.stringify(config) === JSON.stringify(knownClipConfigs['ViT-L/14@336px']);
