// npm run bench -- quality: FAPrompt, its ablations and baselines on held-out synthetic classes and on real photographs.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import type { BenchmarkConfig } from '../../src/benchmark/config.ts';
import { openDataset } from '../../src/data/dataset.node.ts';
import type { Evaluation } from '../../src/eval/index.ts';
import { runBenchmark } from '../../src/jobs/benchmark.ts';
import { ExitError, formatTime, type Io } from '../../src/jobs/io.ts';
import { hashWeights, resolveWeights } from '../../src/jobs/models.ts';
import { createProgress } from '../../src/jobs/progress.ts';
import { type ClipSession, imageOptions, openFeatures, withClip } from '../../src/jobs/session.ts';
import { openClip } from '../../src/model/checkpoint/open.node.ts';
import { namedMethods } from '../../src/model/methods/named.ts';
import { environment } from '../output.ts';
import { capacityProbe, type ProbeSetting, transferProbe } from './probe.ts';
import { chanceRow, figuresOf, findRealSets, partsOf, type RealTable, realRows } from './real.ts';
import { type ProbeName, probeFile, probes, readReport } from './report.ts';
import {
  drawData,
  mainMethods,
  type QualityConfigs,
  type QualitySettings,
  qualityConfigs,
  qualityFolder,
} from './settings.ts';
import { rowOf, targets } from './summary.ts';

export interface QualityGiven {
  readonly clip: string;
  readonly seeds: number;
  readonly imageSize: number;
  readonly dualLayers?: number;
  readonly epochs: number;
  readonly batch: number;
  readonly lr?: number;
  /** Default: all that stand in the paper's tables, and what FAPrompt is made from. */
  readonly methods?: readonly string[];
  readonly trainImages: number;
  readonly testImages: number;
  readonly out: string;
  /** Data sets of photographs, or folders of them. Default: those of `shared`, where it is. */
  readonly real?: readonly string[];
  /** Image sizes for these. Default: `imageSize`. */
  readonly realSizes?: readonly number[];
  /** With how many of the seeds these are measured. Default 1. */
  readonly realSeeds?: number;
  /** Other CLIPs on these. */
  readonly beside?: readonly string[];
  readonly ablations: boolean;
  readonly ablationSeeds?: number;
  readonly json?: string;
}

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
    ...(given.lr === undefined ? {} : { learningRate: given.lr }),
    methods: given.methods ?? mainMethods,
    trainImages: given.trainImages,
    testImages: given.testImages,
    ablationSeeds: given.ablations ? (given.ablationSeeds ?? given.seeds) : 0,
  };
  const folder = qualityFolder(given.out, settings);
  io.note(`results: ${folder}`);
  const drawing = createProgress(io, 'drawing images', 100);
  await drawData(folder, settings, (done, of) => drawing.update(Math.round((100 * done) / of))).finally(() =>
    drawing.stop(),
  );
  const cache = path.join(given.out, 'features');
  const { realSizes: sizes = [given.imageSize], realSeeds = 1, beside = [] } = given;
  const real = { sets: await findRealSets(given.real ?? sharedData()), sizes, seeds: realSeeds, beside };
  const configs = qualityConfigs(folder, settings, real);
  if (real.sets.length === 0) io.note('no real photographs: --real names folders of them');
  const { main, ablations } = configs;
  for (const config of [main, ...configs.real, ...(ablations ? [ablations] : [])]) {
    const { finished, failed } = await runBenchmark(io, config, { cache });
    if (!finished) throw new ExitError(130);
    if (failed.length > 0) throw new ExitError(1);
  }
  const where = await withClip(io, given.clip, async (session) => {
    await withFeatures({ io, session, settings, cache }, settings.imageSize, (setting) =>
      runProbes(io, setting, folder, main),
    );
    return describeClip(session);
  });
  const report = await readReport(
    folder,
    configs,
    await realTables({ io, settings, cache }, given.clip, folder, configs),
  );
  io.out(report.text);
  io.out(`${formatTime(performance.now() - began)} in this call`);
  const result = { ...where, settings, targets, ...report.json };
  if (given.json !== undefined) await writeFileAtomic(given.json, `${JSON.stringify(result, null, 2)}\n`);
}

interface QualityRun {
  readonly io: Io;
  readonly settings: QualitySettings;
  /** Folder of features. */
  readonly cache: string;
}

/** `work` with the probes' features of one image size. */
async function withFeatures<T>(
  { io, session, settings, cache }: QualityRun & { readonly session: ClipSession },
  size: number,
  work: (setting: ProbeSetting) => Promise<T>,
): Promise<T> {
  const sizes = imageOptions(session.clip.config, namedMethods.get('faprompt')!, {
    ...settings,
    imageSize: size,
  });
  const features = openFeatures(io, session, sizes, { cache, cachePrecision: 'f32' });
  try {
    return await work({ session, features, size });
  } finally {
    features.dispose();
  }
}

/** Photographs: every method, a linear probe on their own labels, and chance. */
async function realTables(
  run: QualityRun,
  clip: string,
  folder: string,
  { real }: QualityConfigs,
): Promise<RealTable[]> {
  const { io } = run;
  const tables: RealTable[] = [];
  if (real.length === 0) return tables;
  await withClip(io, clip, async (session) => {
    for (const config of real) {
      const size = config.imageSize!;
      for (const { name: set, data } of config.test) {
        const dataset = await openDataset(data);
        const file = probeFile(folder, 'capacity', `${set}-${size}`);
        if (!existsSync(file)) {
          io.note(`linear probe, cross-validated on ${set}, ${size} pixels`);
          const evaluation = await withFeatures({ ...run, session }, size, (setting) =>
            capacityProbe(setting, dataset),
          );
          await writeFileAtomic(file, `${JSON.stringify(evaluation, null, 2)}\n`);
        }
        const probed = JSON.parse(await readFile(file, 'utf8')) as Evaluation;
        for (const part of partsOf(dataset)) {
          const probe = rowOf('probe-capacity', 'linear probe on its labels, cross-validated', [
            { seed: 0, row: figuresOf(probed, part) },
          ]);
          const rows = [...(await realRows(config, set, part)), probe, chanceRow(dataset, part)];
          tables.push({
            set,
            ...(part === undefined ? {} : { part }),
            size,
            seeds: config.seeds.length,
            rows,
          });
        }
      }
    }
  });
  return tables;
}

/** ../shared/data where it is: nothing is measured on photographs elsewhere unless asked for. */
function sharedData(): string[] {
  const dir = path.join(process.env.FAPROMPT_SHARED ?? '../shared', 'data');
  return existsSync(dir) ? [dir] : [];
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
