// npm run bench -- quality: FAPrompt, its ablations and baselines on held-out synthetic classes and on real photographs.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../../src/base/files.node.ts';
import type { BenchmarkConfig } from '../../src/benchmark/config.ts';
import { openDataset } from '../../src/data/dataset.node.ts';
import { runBenchmark } from '../../src/jobs/benchmark.ts';
import { ExitError, formatTime, type Io } from '../../src/jobs/io.ts';
import { hashWeights, resolveWeights } from '../../src/jobs/models.ts';
import { createProgress } from '../../src/jobs/progress.ts';
import { type ClipSession, imageOptions, openFeatures, withClip } from '../../src/jobs/session.ts';
import { openClip } from '../../src/model/checkpoint/open.node.ts';
import { namedMethods } from '../../src/model/methods/named.ts';
import { environment } from '../output.ts';
import { capacityProbe, type ProbeSetting, transferProbe } from './probe.ts';
import { type ProbeName, probeFile, probes, readReport } from './report.ts';
import { drawData, mainMethods, type QualitySettings, qualityConfigs, qualityFolder } from './settings.ts';
import { targets } from './summary.ts';

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
  readonly real: string;
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
  const configs = qualityConfigs(folder, settings, given.real);
  if (!configs.real) io.note(`no real photographs: nothing of them in ${given.real}`);
  for (const config of Object.values(configs) as BenchmarkConfig[]) {
    const { finished, failed } = await runBenchmark(io, config, { cache });
    if (!finished) throw new ExitError(130);
    if (failed.length > 0) throw new ExitError(1);
  }
  const where = await withClip(io, given.clip, async (session) => {
    const sizes = imageOptions(session.clip.config, namedMethods.get('faprompt')!, settings);
    const features = openFeatures(io, session, sizes, { cache, cachePrecision: 'f32' });
    try {
      await runProbes(io, { session, features, size: settings.imageSize }, folder, configs.main);
      return describeClip(session);
    } finally {
      features.dispose();
    }
  });
  const report = await readReport(folder, configs);
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
