// Real photographs: data sets that are found in folders, and the figures of every size and CLIP on them, beside chance.
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { BenchmarkConfig } from '../../src/benchmark/config.ts';
import { readResults } from '../../src/benchmark/folder.node.ts';
import { openDataset } from '../../src/data/dataset.node.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { DatasetError } from '../../src/data/errors.ts';
import type { Evaluation } from '../../src/eval/index.ts';
import { formatRows, type Row, rowOf } from './summary.ts';

/** A data set of photographs. */
export interface RealSet {
  readonly name: string;
  readonly data: string;
}

/**
 * The data sets of folders: each is one in a layout that `openDataset` knows, or holds some.
 * @throws DatasetError for a folder that neither is nor holds one
 */
export async function findRealSets(dirs: readonly string[]): Promise<RealSet[]> {
  const found: RealSet[] = [];
  for (const dir of dirs) {
    // Folders that say themselves what they are come before a layout that fits them all: their names are no classes.
    const described = existsSync(path.join(dir, 'meta.json')) ? [] : await setsIn(dir, true);
    const own = described.length > 0 ? undefined : await setOf(dir);
    const sets = own instanceof DatasetError ? await setsIn(dir) : own ? [own] : described;
    if (sets.length === 0 && own instanceof DatasetError) throw own;
    found.push(...sets);
  }
  const names = found.map(({ name }) => name);
  const again = names.find((name, i) => names.indexOf(name) !== i);
  if (again !== undefined)
    throw new DatasetError({
      file: again,
      field: null,
      expected: 'data sets of different names',
      found: `${again} twice`,
    });
  return found;
}

async function setOf(dir: string): Promise<RealSet | DatasetError> {
  try {
    await openDataset(dir);
    return { name: path.basename(path.resolve(dir)), data: path.resolve(dir) };
  } catch (error) {
    if (error instanceof DatasetError) return error;
    throw error;
  }
}

/** @param described only those with a meta.json */
async function setsIn(dir: string, described = false): Promise<RealSet[]> {
  const names = await readdir(dir).catch(() => []);
  const sets: RealSet[] = [];
  for (const name of names.sort()) {
    const folder = path.join(dir, name);
    if (!(await stat(folder)).isDirectory()) continue;
    if (described && !existsSync(path.join(folder, 'meta.json'))) continue;
    const set = await setOf(folder);
    if (!(set instanceof DatasetError)) sets.push(set);
  }
  return sets;
}

/** PRO is the mean overlap up to a false-positive rate of 0.3: of random maps, half of that rate. */
const chancePro = 0.15;

/** Figures of all images of a data set, or of one of its classes. */
export type Part = string | undefined;

/** The part's figures in an evaluation: the mean over the classes, or a class's own. */
export const figuresOf = ({ mean, classes }: Pick<Evaluation, 'mean' | 'classes'>, part: Part) =>
  part === undefined ? mean : classes.find(({ name }) => name === part)!;

/** A data set, and where it has several classes (sources of photographs, say) each of them too. */
export const partsOf = ({ classes }: Dataset): Part[] =>
  classes.length > 1 ? [undefined, ...classes] : [undefined];

/** What a scorer that knows nothing reaches: an average precision of the share of anomalies. */
export function chanceRow({ samples: all }: Dataset, part?: Part): Row {
  const samples = all.filter(({ className }) => part === undefined || className === part);
  const anomalies = samples.filter(({ anomaly }) => anomaly);
  const masked = anomalies.some(({ mask }) => mask !== undefined);
  const metrics = {
    imageAuroc: 0.5,
    imageAp: anomalies.length / samples.length,
    pixelAuroc: masked ? 0.5 : null,
    pro: masked ? chancePro : null,
  };
  return { name: 'chance', title: 'chance', values: [{ seed: 0, metrics }] };
}

/** Rows of a data set, or of a class of it: every method with every CLIP, at one image size. */
export async function realRows(config: BenchmarkConfig, set: string, part?: Part): Promise<Row[]> {
  const { results } = await readResults(config);
  return config.clips.flatMap((clip, i) =>
    config.methods.map(({ name, title }) =>
      rowOf(
        name,
        i === 0 ? title : `${title}, ${clip.name}`,
        results
          .filter((result) => result.clip === clip.name && result.method === name && result.test === set)
          .map(({ seed, evaluation }) => ({
            seed: seed ?? 0,
            row: figuresOf(evaluation as Evaluation, part),
          })),
      ),
    ),
  );
}

/** A data set's rows at one image size. */
export interface RealTable {
  readonly set: string;
  /** A class, where these are the figures of one. */
  readonly part?: string;
  readonly size: number;
  readonly seeds: number;
  readonly rows: readonly Row[];
}

export const formatReal = ({ set, part, size, seeds, rows }: RealTable): string =>
  `\nReal photographs, ${set}${part === undefined ? '' : `: ${part}`}, ${size} pixels, ${seeds === 1 ? 'one seed' : `${seeds} seeds`}\n${formatRows(rows)}`;
