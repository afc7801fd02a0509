// What `bench quality` measures: sizes, data sets, methods.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type BenchmarkConfig, parseConfig } from '../../src/benchmark/config.ts';
import { drawImage } from '../../src/data/synth/draw.ts';
import { generate } from '../../src/data/synth/generate.node.ts';
import { planDataset, type SynthOptions } from '../../src/data/synth/generate.ts';
import { defectsOf, familiesOf, type Role } from '../../src/data/synth/roles.ts';
import type { RealSet } from './real.ts';

export interface QualitySettings {
  /** sha256 of the CLIP's weights, and the file or known name that it came from. */
  readonly clip: string;
  readonly weights: string;
  readonly imageSize: number;
  readonly dualLayers?: number;
  readonly seeds: readonly number[];
  readonly epochs: number;
  readonly batch: number;
  /** Default: each method's own. */
  readonly learningRate?: number;
  /** What is measured; FAPrompt is one of them. */
  readonly methods: readonly string[];
  /** Images of each class without a defect, and as many with one, to train on and to test on. */
  readonly trainImages: number;
  readonly testImages: number;
  /** How many of the seeds the ablations are run with; 0: no ablations. */
  readonly ablationSeeds: number;
}

/** What everything is measured against. */
export const mainMethods = [
  ...['pair', 'prompt-ensemble', 'clip', 'clip-ac', 'winclip', 'april-gan', 'anovl'],
  ...['coop', 'cocoop-original', 'cocoop', 'anomalyclip', 'filo', 'learnable-pair', 'faprompt'],
];

/** The paper's tables 3 to 5 and figure 3. */
export const ablationMethods = [
  ...['cap', 'cap-no-orthogonal', 'dap', 'dap-no-prior-loss', 'no-orthogonal', 'no-prior-loss'],
  ...['class-dap', 'class-prior', 'first-patches'],
  ...['anomalyclip-ensemble', 'anomalyclip-ensemble-star', 'best-matched', 'weighted'],
  ...['prompts-1', 'prompts-5', 'prompts-15', 'patches-1', 'patches-5', 'patches-15'],
];

export const heldOut = 'held-out';

const synthOptions = (settings: QualitySettings, role: Role, seed: number): SynthOptions => {
  const classes = familiesOf(role);
  const count = role === 'prompt' ? settings.trainImages : settings.testImages;
  return {
    // The two roles never share a seed.
    seed: 2 * seed + Number(role === 'heldout'),
    imageSize: settings.imageSize,
    classes,
    defects: [...new Set(classes.flatMap(defectsOf))],
    good: count,
    defective: count,
  };
};

/**
 * The folder of all that belongs to these settings: results of others, or of another generator, cannot get into it.
 * The numbers of seeds may change.
 */
export function qualityFolder(out: string, settings: QualitySettings): string {
  const { seeds: _, ablationSeeds: __, weights: ___, methods: ____, ...rest } = settings;
  const hash = createHash('sha256').update(JSON.stringify(rest));
  for (const role of ['prompt', 'heldout'] as const)
    for (const { className, defect, seed, image } of planDataset(synthOptions(settings, role, 0)))
      if (/\/000\.png$/.test(image))
        hash.update(drawImage(className, defect, { seed, size: settings.imageSize }).image.data);
  return path.join(out, hash.digest('hex').slice(0, 12));
}

const dataFolder = (folder: string, role: Role, seed: number | string) =>
  path.join(folder, 'data', `${seed}`, role);

/** Draws the data sets that are not there yet. */
export async function drawData(
  folder: string,
  settings: QualitySettings,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const wanted = settings.seeds.flatMap((seed) =>
    (['prompt', 'heldout'] as const).map((role) => ({ role, seed, dir: dataFolder(folder, role, seed) })),
  );
  const missing = wanted.filter(({ dir }) => !existsSync(dir));
  for (const [i, { role, seed, dir }] of missing.entries())
    await generate(dir, synthOptions(settings, role, seed), (done, of) =>
      onProgress(i + done / of, missing.length),
    );
}

export interface QualityConfigs {
  /** Baselines and FAPrompt on the held-out classes. */
  readonly main: BenchmarkConfig;
  /** The same on real photographs, of the first seeds as those are many: one for each image size. */
  readonly real: readonly BenchmarkConfig[];
  readonly ablations?: BenchmarkConfig;
}

/** What real photographs are measured with. */
export interface RealSettings {
  readonly sets: readonly RealSet[];
  readonly sizes: readonly number[];
  /** How many of the seeds they are measured with. */
  readonly seeds: number;
  /** Further CLIPs, files or known names. */
  readonly beside: readonly string[];
}

export function qualityConfigs(
  folder: string,
  settings: QualitySettings,
  { sets, sizes, seeds: realSeeds, beside }: RealSettings,
): QualityConfigs {
  const { weights, imageSize, dualLayers, seeds, epochs, batch, learningRate, ablationSeeds, methods } =
    settings;
  const config = (
    measured: readonly string[],
    own: readonly number[],
    test: readonly unknown[],
    { size = imageSize, others = [] }: { size?: number; others?: readonly string[] } = {},
  ) =>
    parseConfig(
      {
        out: path.join(folder, size === imageSize ? 'results' : `results-${size}`),
        clips: [{ name: 'clip', weights }, ...others],
        train: { name: 'prompt', data: dataFolder(folder, 'prompt', '{seed}') },
        test,
        methods: measured,
        seeds: own,
        epochs,
        batch,
        ...(learningRate === undefined ? {} : { learningRate }),
        imageSize: size,
        ...(dualLayers === undefined ? {} : { dualLayers }),
      },
      'bench quality',
    );
  const synthetic = [{ name: heldOut, group: 'industrial', data: dataFolder(folder, 'heldout', '{seed}') }];
  const all = [...methods, ...ablationMethods];
  return {
    main: config(methods, seeds, synthetic),
    real:
      sets.length > 0
        ? sizes.map((size) => config(methods, seeds.slice(0, realSeeds), sets, { size, others: beside }))
        : [],
    ...(ablationSeeds > 0 ? { ablations: config(all, seeds.slice(0, ablationSeeds), synthetic) } : {}),
  };
}
