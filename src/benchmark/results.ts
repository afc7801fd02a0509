// The result of one run on one data set as a JSON file, with all that determines it.
import * as z from 'zod';
import { METRICS, type MetricName } from '../eval/index.ts';
import type { ClipConfig } from '../model/clip/config.ts';
import type { Method } from '../model/methods/method.ts';
import type { BenchmarkConfig, ClipSource } from './config.ts';
import { BenchmarkError } from './errors.ts';
import { type Run, scheduleOf } from './runs.ts';

/** What a result depends on; of a method that learns nothing, what is about training is null. */
export interface ResultSettings {
  /** sha256 of the weights. */
  readonly clip: string;
  readonly method: unknown;
  readonly seed: number | null;
  /** sha256 of the lists of images, labels and masks. */
  readonly train: string | null;
  readonly test: string;
  readonly epochs: number | null;
  readonly batch: number | null;
  readonly learningRate: number | null;
  readonly imageSize: number;
  /** What the method took from the image encoder (ImageNeeds). */
  readonly needs: unknown;
  readonly precision: 'f32' | 'f16';
  /** File of a detector's boxes, for a method that uses them. */
  readonly boxes?: string | null;
}

export type MetricValues = Readonly<Record<MetricName, number | null>>;

/** What a method costs. */
export interface MethodCost {
  /** Numbers that are learned. */
  readonly learnables: number;
  /** GPU memory of weights, learnables and the plans of encoder and scorer. */
  readonly bytes: number;
}

export interface RunResult {
  readonly run: string;
  readonly clip: string;
  readonly method: string;
  readonly seed: number | null;
  /** Names of the data sets. */
  readonly train: string | null;
  readonly test: string;
  readonly settings: ResultSettings;
  readonly clipConfig: ClipConfig;
  /** As `faprompt eval` gives it: classes, their kinds of defects, and the mean, which is the data set's figure. */
  readonly evaluation: { readonly mean: { readonly metrics: MetricValues } };
  /** Files that could not be used. */
  readonly problems: readonly string[];
  readonly seconds: {
    readonly training: number;
    readonly evaluation: number;
    /** Of one image with encoder and scorer warm: from the file to its features, nothing from the cache. */
    readonly encode?: number;
    /** From features to score and map. */
    readonly score?: number;
  };
  /** With the first data set of a run only; results of earlier versions have none. */
  readonly cost?: MethodCost;
  readonly environment: { readonly adapter: string; readonly node: string };
}

const format = 'faprompt-benchmark-result';
const version = 1;

const metric = z.number().min(0).max(1).nullable();
const schema = z.looseObject({
  format: z.literal(format),
  version: z.literal(version),
  run: z.string(),
  clip: z.string(),
  method: z.string(),
  seed: z.number().nullable(),
  train: z.string().nullable(),
  test: z.string(),
  settings: z.looseObject({}),
  clipConfig: z.looseObject({}),
  evaluation: z.looseObject({
    mean: z.looseObject({
      metrics: z.object(Object.fromEntries(METRICS.map((name) => [name, metric]))),
    }),
  }),
});

export const writeResult = (result: RunResult): string =>
  `${JSON.stringify({ format, version, ...result }, null, 2)}\n`;

/**
 * Reads a result and checks that it is of these settings.
 * @throws BenchmarkError naming the field that is not as expected
 */
export function parseResult(text: string, file: string, expected: Partial<ResultSettings>): RunResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BenchmarkError(file, '', 'JSON', (error as Error).message);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new BenchmarkError(file, issue.path.join('.'), 'a result of faprompt benchmark', issue.message);
  }
  const result = value as RunResult;
  for (const [field, own] of Object.entries(expected)) {
    const found = JSON.stringify(result.settings[field as keyof ResultSettings]);
    if (found === JSON.stringify(own)) continue;
    throw new BenchmarkError(
      file,
      `settings.${field}`,
      `${JSON.stringify(own)} as the benchmark has it now (delete the file, or choose another "out")`,
      found ?? 'nothing',
    );
  }
  return result;
}

const methodSettings = ({ family, options }: Method): unknown => ({ family, options });

/** Side of the images as the configuration has it for a CLIP. */
export const imageSizeOf = (config: BenchmarkConfig, clip: ClipSource): number | undefined =>
  clip.imageSize ?? config.imageSize;

/** The settings that the configuration alone tells. */
export function configuredSettings(config: BenchmarkConfig, run: Run): Partial<ResultSettings> {
  const { precision } = config;
  const imageSize = imageSizeOf(config, run.clip);
  const training = scheduleOf(config, run) ?? { epochs: null, batch: null, learningRate: null };
  return {
    method: methodSettings(run.method),
    seed: run.seed,
    ...training,
    ...(run.train ? {} : { train: null }),
    ...(imageSize === undefined ? {} : { imageSize }),
    precision,
  };
}
