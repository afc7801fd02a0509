// A benchmark's files: its configuration, and the folder of its results.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { contentBytes, describeContent } from '../base/content.ts';
import { writeFileAtomic } from '../base/files.node.ts';
import { readText } from '../base/open.node.ts';
import { type BenchmarkConfig, type DataSource, parseConfig } from './config.ts';
import { BenchmarkError } from './errors.ts';
import {
  configuredSettings,
  parseResult,
  type ResultSettings,
  type RunResult,
  writeResult,
} from './results.ts';
import { benchmarkRuns, type Run } from './runs.ts';

/**
 * Reads a configuration; its paths are relative to its folder. Weights that are no file there are left as they are: the
 * name of a known model.
 * @throws BenchmarkError
 */
export async function readConfig(file: string): Promise<BenchmarkConfig> {
  const text = await readText(file).catch((error: NodeJS.ErrnoException) => {
    throw new BenchmarkError(file, '', 'a readable file', error.message);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const content = describeContent(new TextEncoder().encode(text.slice(0, contentBytes)));
    throw new BenchmarkError(file, '', 'JSON', `${(error as Error).message} in ${content}`);
  }
  const config = parseConfig(value, file);
  const here = (name: string) => path.resolve(path.dirname(file), name);
  const source = <T extends DataSource>(entry: T): T => ({
    ...entry,
    data: here(entry.data),
    ...(entry.boxes === undefined ? {} : { boxes: here(entry.boxes) }),
  });
  return {
    ...config,
    out: here(config.out),
    clips: config.clips.map((clip) => ({
      ...clip,
      weights: existsSync(here(clip.weights)) ? here(clip.weights) : clip.weights,
      vocabulary: clip.vocabulary === undefined ? undefined : here(clip.vocabulary),
    })),
    train: source(config.train),
    test: config.test.map((entry) => ({
      ...source(entry),
      ...(entry.train ? { train: source(entry.train) } : {}),
    })),
  };
}

/** The folder of a run's training. */
export const trainingFolder = ({ out }: BenchmarkConfig, { id }: Run): string =>
  path.join(out, id, 'training');

const resultFile = ({ out }: BenchmarkConfig, { id }: Run, test: string): string =>
  path.join(out, id, `${test}.json`);

/** @returns undefined if there is none yet. @throws BenchmarkError for one of other settings, or a damaged one */
export async function readResult(
  config: BenchmarkConfig,
  run: Run,
  test: string,
  settings: Partial<ResultSettings> = {},
): Promise<RunResult | undefined> {
  const file = resultFile(config, run, test);
  const text = await readText(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new BenchmarkError(file, '', 'a readable file', error.message);
  });
  return text === undefined
    ? undefined
    : parseResult(text, file, { ...configuredSettings(config, run), ...settings });
}

export const saveResult = (config: BenchmarkConfig, run: Run, result: RunResult): Promise<void> =>
  writeFileAtomic(resultFile(config, run, result.test), writeResult(result));

export interface Found {
  readonly results: readonly RunResult[];
  /** Run and data set of those that are not there. */
  readonly missing: readonly string[];
}

/**
 * All results that are there.
 * @throws BenchmarkError if one is of other settings than the configuration's, or results of one CLIP or data set were
 *   made with different files
 */
export async function readResults(config: BenchmarkConfig): Promise<Found> {
  const results: RunResult[] = [];
  const missing: string[] = [];
  const first = new Map<string, { file: string; value: string }>();
  for (const run of benchmarkRuns(config)) {
    for (const { name, data } of run.test) {
      const result = await readResult(config, run, name);
      if (!result) {
        missing.push(`${run.id}, ${name}`);
        continue;
      }
      const file = resultFile(config, run, name);
      const { settings } = result;
      for (const [field, key, value] of [
        ['clip', run.clip.name, settings.clip],
        ['test', data, settings.test],
        ['train', run.train?.data, settings.train],
        ['imageSize', run.clip.name, String(settings.imageSize)],
        ['needs', `${run.clip.name} ${run.method.name}`, JSON.stringify(settings.needs)],
      ] as const) {
        if (key === undefined || value === null) continue;
        const before = first.get(`${field} ${key}`) ?? { file, value };
        first.set(`${field} ${key}`, before);
        if (before.value !== value)
          throw new BenchmarkError(file, `settings.${field}`, `${before.value} as in ${before.file}`, value);
      }
      results.push(result);
    }
  }
  return { results, missing };
}
