// npm run bench -- quality: FAPrompt, its ablations and baselines on held-out synthetic classes and on real photographs.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { BenchmarkConfig } from '../../src/benchmark/config.ts';
import { readResults } from '../../src/benchmark/folder.node.ts';
import { formatTables } from '../../src/benchmark/format.ts';
import { benchmarkTables } from '../../src/benchmark/tables.ts';
import { runBenchmark } from '../../src/cli/benchmark-run.ts';
import { ExitError, formatTime, type Io } from '../../src/cli/io.ts';
import { hashWeights, resolveWeights } from '../../src/cli/models.ts';
import { createProgress } from '../../src/cli/progress.ts';
import { type ClipSession, imageSettings, openFeatures, withClip } from '../../src/cli/session.ts';
import { openDataset } from '../../src/data/dataset.node.ts';
import { writeFileAtomic } from '../../src/data/files.node.ts';
import type { Evaluation } from '../../src/eval/index.ts';
import { openClip } from '../../src/model/checkpoint/open.node.ts';
import { environment } from '../output.ts';
import { capacityProbe, type ProbeSetting, transferProbe } from './probe.ts';
import {
  ablationMethods,
  drawData,
  heldOut,
  mainMethods,
  type QualitySettings,
  qualityConfig,
  qualityFolder,
} from './settings.ts';
import { formatRows, type Row, rowOf, summarize, targets, verdicts } from './summary.ts';

export interface QualityGiven {
  readonly clip: string;
  readonly seeds: number;
  readonly imageSize: number;
  readonly dualLayers?: number;
  readonly epochs: number;
  readonly batch: number;
  readonly lr: number;
  readonly trainImages: number;
  readonly testImages: number;
  readonly out: string;
  readonly real: string;
  readonly ablations: boolean;
  readonly json?: string;
}

const probes = {
  transfer: 'linear probe, trained on the auxiliary classes',
  capacity: 'linear probe, cross-validated on the held-out classes',
} as const;
type ProbeName = keyof typeof probes;

export async function benchQuality(io: Io, given: QualityGiven): Promise<void> {
  const began = performance.now();
  const settings: QualitySettings = {
    clip: await hashClip(given.clip),
    weights: given.clip,
    imageSize: given.imageSize,
    ...(given.dualLayers === undefined ? {} : { dualLayers: given.dualLayers }),
    seeds: Array.from({ length: given.seeds }, (_, i) => i),
    epochs: given.epochs,
    batch: given.batch,
    learningRate: given.lr,
    trainImages: given.trainImages,
    testImages: given.testImages,
    methods: given.ablations ? [...mainMethods, ...ablationMethods] : mainMethods,
  };
  const folder = qualityFolder(given.out, settings);
  io.note(`results: ${folder}`);
  const drawing = createProgress(io, 'drawing images', 100);
  await drawData(folder, settings, (done, of) => drawing.update(Math.round((100 * done) / of))).finally(() =>
    drawing.stop(),
  );
  if (!existsSync(given.real)) io.note(`no real photographs: ${given.real} not found`);
  const cache = path.join(given.out, 'features');
  // Only the main methods see the real photographs, which are many.
  const main = qualityConfig(folder, settings, mainMethods, given.real);
  const ablations = qualityConfig(folder, settings, settings.methods);
  for (const config of given.ablations ? [main, ablations] : [main]) {
    const { finished, failed } = await runBenchmark(io, config, { cache });
    if (!finished) throw new ExitError(130);
    if (failed.length > 0) throw new ExitError(1);
  }
  const where = await withClip(io, given.clip, async (session) => {
    const sizes = imageSettings(session.clip.config, settings);
    const features = openFeatures(io, session, sizes, { cache, cachePrecision: 'f32' });
    try {
      await runProbes(io, { session, features, size: settings.imageSize }, folder, main);
      return describeClip(session);
    } finally {
      features.dispose();
    }
  });
  const report = await readReport(folder, main, ablations, given.ablations);
  io.out(report.text);
  io.out(`${formatTime(performance.now() - began)} in this call`);
  const result = { ...where, settings, targets, ...report.json };
  if (given.json !== undefined) await writeFileAtomic(given.json, `${JSON.stringify(result, null, 2)}\n`);
}

async function hashClip(name: string): Promise<string> {
  const { files, close } = await openClip(await resolveWeights(name));
  try {
    return await hashWeights(files);
  } finally {
    await close();
  }
}

const describeClip = ({ gpu, clip: { config } }: ClipSession) => ({
  environment: environment(gpu),
  clipConfig: config,
});

const probeFile = (folder: string, name: ProbeName, seed: number) =>
  path.join(folder, 'probes', `${name}-${seed}.json`);

/** The probes that are not there yet. */
async function runProbes(
  io: Io,
  setting: ProbeSetting,
  folder: string,
  { seeds, train, test }: BenchmarkConfig,
) {
  const open = (data: string, seed: number) =>
    openDataset(data.replaceAll('{seed}', String(seed)), { split: 'test' });
  for (const seed of seeds) {
    for (const name of Object.keys(probes) as ProbeName[]) {
      const file = probeFile(folder, name, seed);
      if (existsSync(file)) continue;
      io.note(`${probes[name]}, seed ${seed}`);
      const tested = await open(test[0]!.data, seed);
      const evaluation =
        name === 'transfer'
          ? await transferProbe(setting, await open(train.data, seed), tested)
          : await capacityProbe(setting, tested);
      await writeFileAtomic(file, `${JSON.stringify(evaluation, null, 2)}\n`);
    }
  }
}

async function readProbes(folder: string, seeds: readonly number[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of Object.keys(probes) as ProbeName[]) {
    const found = [];
    for (const seed of seeds) {
      const text = await readFile(probeFile(folder, name, seed), 'utf8');
      found.push({ seed, evaluation: JSON.parse(text) as Evaluation });
    }
    rows.push(rowOf(`probe-${name}`, probes[name], found));
  }
  return rows;
}

/** Rows of one data set. Written methods give the same for every seed where the images are the same. */
async function readRows(config: BenchmarkConfig, test: string): Promise<Row[]> {
  const { results } = await readResults(config);
  return config.methods.map(({ name, title }) => {
    const own = results.filter((result) => result.method === name && result.test === test);
    return rowOf(
      name,
      title,
      own.map(({ seed, evaluation }) => ({ seed: seed ?? 0, evaluation })),
    );
  });
}

async function readReport(
  folder: string,
  main: BenchmarkConfig,
  ablations: BenchmarkConfig,
  withAblations: boolean,
) {
  const rows = [...(await readRows(main, heldOut)), ...(await readProbes(folder, main.seeds))];
  const byName = (name: string) => rows.find((row) => row.name === name)!;
  const real = await Promise.all(
    main.test.slice(1).map(async ({ name }) => ({ name, rows: await readRows(main, name) })),
  );
  const checks = verdicts(byName('faprompt'), ['clip', 'winclip', 'anomalyclip'].map(byName));
  const tables = withAblations
    ? benchmarkTables(ablations, (await readResults(ablations)).results).filter(({ title }) =>
        /^Table [345]/.test(title),
      )
    : [];
  const swept = withAblations ? await readRows(ablations, heldOut) : [];
  const figure3 = swept.filter(({ name }) => /^(faprompt$|prompts-|patches-|first-)/.test(name));
  const text = [
    `Held-out classes, held-out defects: percent, mean ± sample standard deviation over ${main.seeds.length} seeds`,
    formatRows(rows),
    ...checks,
    ...real.flatMap(({ name, rows: own }) => [
      `\nReal photographs, ${name} (chance: image and pixel AUROC 50)`,
      formatRows(own),
    ]),
    ...(tables.length > 0 ? [`\n${formatTables(tables, 'text')}`] : []),
    ...(figure3.length > 0
      ? [`\nFigure 3 (K and M), and the patches of the published code`, formatRows(figure3)]
      : []),
  ].join('\n');
  const asJson = (all: readonly Row[]) => all.map((row) => ({ ...row, summary: summarize(row) }));
  const ablated = swept.filter(({ name }) => !rows.some((row) => row.name === name));
  return {
    text,
    json: {
      heldOut: asJson(rows),
      checks,
      ablations: asJson(ablated),
      real: real.map(({ name, rows: own }) => ({ name, rows: asJson(own) })),
    },
  };
}
