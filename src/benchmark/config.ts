// What a benchmark is: CLIPs, a data set to train on, data sets to test on, methods, seeds. The form of its JSON file.
import * as z from 'zod';
import { splits } from '../data/dataset.ts';
import type { Method } from '../model/methods/method.ts';
import { parseMethod } from '../model/methods/parse.ts';
import { BenchmarkError } from './errors.ts';
import { type Group, groupOf, groups } from './paper.ts';

/** A split of a data set. */
export interface DataSource {
  /** In tables and as the name of a folder. */
  readonly name: string;
  /** Folder; `{seed}` in it stands for the seed: another folder for every seed. */
  readonly data: string;
  readonly split: (typeof splits)[number];
  /** A detector's boxes, for FiLO (docs/FILO.md). */
  readonly boxes?: string | undefined;
}

export interface TestSource extends DataSource {
  readonly group: Group;
  /** What is trained on for this one, where it is not what all others use (VisA for MVTec AD in the paper). */
  readonly train?: DataSource;
}

export interface ClipSource {
  readonly name: string;
  /** A file, a folder, or the name of a known model. */
  readonly weights: string;
  /** CLIP's vocabulary, for hand-written prompts; default: beside the weights. */
  readonly vocabulary?: string | undefined;
  /** The only methods that it is for, and that no CLIP without such a list is: a BLIP's. */
  readonly methods?: readonly string[] | undefined;
  /** Its own, over the configuration's. */
  readonly imageSize?: number | undefined;
}

export interface BenchmarkConfig {
  /** Folder of all results. */
  readonly out: string;
  readonly clips: readonly ClipSource[];
  readonly train: DataSource;
  readonly test: readonly TestSource[];
  readonly methods: readonly Method[];
  readonly seeds: readonly number[];
  /** Of every training; default: each method's own. */
  readonly epochs?: number | undefined;
  readonly batch?: number | undefined;
  readonly learningRate?: number | undefined;
  /** Default as in `faprompt train`. */
  readonly imageSize?: number | undefined;
  readonly dualLayers?: number | undefined;
  /** Of the image features. */
  readonly precision: 'f32' | 'f16';
}

/** Where the seed goes in a path. */
export const seedPlaceholder = '{seed}';

/** `"path"` means `{ [key]: "path" }`. */
const short = (key: string) => (value: unknown) => (typeof value === 'string' ? { [key]: value } : value);

// Names become folders, on every system.
const name = z
  .string()
  .regex(
    /^[\p{L}\p{N}]([\p{L}\p{N} @+=._-]*[\p{L}\p{N}@+=_-])?$/u,
    'expected letters, digits, spaces and @+=._-',
  );
const path = z.string().min(1);
const source = z.strictObject({
  name: name.optional(),
  data: path,
  split: z.enum(splits).default('test'),
  boxes: path.optional(),
});
const positive = z.int().min(1);
const schema = z.strictObject({
  out: path,
  clips: z
    .array(
      z.preprocess(
        short('weights'),
        z.strictObject({
          name: name.optional(),
          weights: path,
          vocabulary: path.optional(),
          methods: z.array(z.string()).min(1).optional(),
          imageSize: positive.optional(),
        }),
      ),
    )
    .min(1),
  train: z.preprocess(short('data'), source),
  test: z
    .array(
      z.preprocess(
        short('data'),
        source.extend({
          group: z.enum(groups).optional(),
          train: z.preprocess(short('data'), source).optional(),
        }),
      ),
    )
    .min(1),
  methods: z.array(z.unknown()).min(1),
  seeds: z.array(z.int().min(0)).min(1).default([0]),
  epochs: positive.optional(),
  batch: positive.optional(),
  learningRate: z.number().gt(0).optional(),
  imageSize: positive.optional(),
  dualLayers: z.int().min(0).optional(),
  precision: z.enum(['f32', 'f16']).default('f32'),
});

/**
 * Checks a configuration and fills in what may be left out.
 * @param value parsed JSON
 * @param file for messages
 * @throws BenchmarkError naming the first field that is wrong
 */
export function parseConfig(value: unknown, file: string): BenchmarkConfig {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw describeIssue(parsed.error.issues[0]!, value, file);
  const { data: config } = parsed;
  const fail = (field: string, expected: string, found: string): never => {
    throw new BenchmarkError(file, field, expected, found);
  };
  const named = <T extends { name?: string | undefined }>(entry: T, from: string, field: string) => ({
    ...entry,
    name: entry.name ?? nameOf(from) ?? fail(`${field}.name`, 'a name', 'nothing, and none in the path'),
  });
  const methods = config.methods.map((method, i) =>
    parseMethod(method, (at, expected, found) => fail(`methods[${i}]${at ? `.${at}` : ''}`, expected, found)),
  );
  methods.forEach((method, i) => {
    if (!name.safeParse(method.name).success)
      fail(`methods[${i}].name`, 'letters, digits, spaces and @+=._-', JSON.stringify(method.name));
  });
  const clips = config.clips.map((clip, i) => named(clip, clip.weights, `clips[${i}]`));
  clips.forEach((clip, i) => {
    const unknown = clip.methods?.find((each) => !methods.some((method) => method.name === each));
    if (unknown !== undefined) fail(`clips[${i}].methods`, "names of the configuration's methods", unknown);
  });
  const train = named(config.train, config.train.data, 'train');
  const test = config.test.map((entry, i): TestSource => {
    const field = `test[${i}]`;
    const { group, train: own, ...rest } = named(entry, entry.data, field);
    return {
      ...rest,
      group: group ?? groupOf(rest.name),
      ...(own ? { train: named(own, own.data, `${field}.train`) } : {}),
    };
  });
  test.forEach((entry, i) => {
    const used = entry.train ?? train;
    if (used.data === entry.data && used.split === entry.split)
      fail(`test[${i}].data`, 'other images than those that are trained on', JSON.stringify(entry.data));
  });
  for (const [field, names] of [
    ['clips', clips.map((clip) => clip.name)],
    ['test', test.map((entry) => entry.name)],
    ['methods', methods.map((method) => method.name)],
    ['seeds', config.seeds.map(String)],
  ] as const) {
    const lower = names.map((each) => each.toLowerCase());
    const again = lower.findIndex((each, i) => lower.indexOf(each) !== i);
    if (again >= 0) fail(`${field}[${again}]`, 'each only once', names[again]!);
  }
  return { ...config, clips, train, test, methods };
}

/** The last part of a path that is not the seed's, without ending. */
function nameOf(from: string): string | undefined {
  const parts = from.replaceAll(seedPlaceholder, '').split(/[\\/]/);
  const last = parts.findLast((part) => /[\p{L}\p{N}]/u.test(part));
  const bare = last
    ?.replace(/\.(safetensors|pt|pth|bin)$/i, '')
    .replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');
  return name.safeParse(bare).data;
}

function describeIssue(issue: z.core.$ZodIssue, value: unknown, file: string): BenchmarkError {
  const keys = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const at = [...issue.path, ...keys];
  const field = at.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i ? '.' : ''}${String(key)}`));
  let found = value;
  for (const key of at) found = (found as Record<PropertyKey, unknown> | undefined)?.[key];
  const expected = keys.length
    ? 'only fields that docs/BENCHMARK.md names'
    : issue.message.replace(/^.*?expected /, '').replace(/, received .*$/, '');
  return new BenchmarkError(file, field.join(''), expected, JSON.stringify(found)?.slice(0, 80) ?? 'nothing');
}
