// npm run bench -- pretrain: a pretraining step of the small CLIP, and what of it is drawing, copying and computing. In
// Node, and in a page (pretrain-page.ts).
import type { Gpu } from '../src/gpu/gpu.ts';
import type { DispatchTime } from '../src/graph/profile.ts';
import { adamwSchedule } from '../src/kernels/adamw/adamw.ts';
import { initialClipWeights } from '../src/model/clip/initial.ts';
import { drawImages, prepareBatch } from '../src/train/pretrain/batch.ts';
import {
  clipAdam,
  type PretrainSettings,
  pretrainConfig,
  pretrainWords,
} from '../src/train/pretrain/settings.ts';
import { buildPretrainStep, compilePretrainStep, stateShapes } from '../src/train/pretrain/step.ts';
import { createTrainingState } from '../src/train/step.ts';
import { summary } from './output.ts';

export interface PretrainBenchSettings {
  readonly batch: number;
  readonly imageSize: number;
  readonly width?: number;
  readonly layers?: number;
  readonly embed?: number;
  /** Timed steps, after one that is not. */
  readonly runs: number;
}

/** Milliseconds of the processor, user and system, that all threads of each process at work have taken so far. */
export type ProcessorTime = Readonly<Record<string, number>>;

/** What a part of a step takes: wall time, and the processor's. */
export interface Cost {
  readonly milliseconds: number;
  readonly spread: number;
  /** Mean over the runs. */
  readonly processor: ProcessorTime;
}

export interface PretrainResult {
  readonly settings: PretrainBenchSettings;
  readonly gflop: number;
  readonly dispatches: number;
  /** The generator's images. */
  readonly draw: Cost;
  /** Pixels, tokens and targets from them. */
  readonly prepare: Cost;
  /** Upload, both towers, gradients, AdamW. */
  readonly step: Cost;
  readonly loss: number;
  /** Empty where the adapter has no timestamps. */
  readonly times: readonly DispatchTime[];
}

/** @param processorTime asked before and after each part */
export async function benchPretrain(
  gpu: Gpu,
  given: PretrainBenchSettings,
  processorTime: () => Promise<ProcessorTime>,
): Promise<PretrainResult> {
  const { batch, imageSize, width, layers, embed, runs } = given;
  const words = pretrainWords();
  const settings: PretrainSettings = {
    config: pretrainConfig(words.length, imageSize, { width, layers, embed }),
    words,
    seed: 0,
    steps: runs + 1,
    stopAt: runs + 1,
    cooldown: 0,
    batch,
    imageSize,
    learningRate: 1e-3,
    warmup: 1,
    decay: 0.1,
    ...clipAdam,
    regionWeight: 4,
  };
  const drawing = meter(processorTime);
  const preparing = meter(processorTime);
  const stepping = meter(processorTime);
  const state = createTrainingState(gpu, stateShapes(settings.config), {
    parameters: initialClipWeights(settings.config, settings.seed),
  });
  try {
    const executable = await compilePretrainStep(gpu, buildPretrainStep(settings), state);
    try {
      let loss = Number.NaN;
      for (let step = 1; step <= runs + 1; step += 1) {
        const counts = step > 1; // the first one compiles
        const images = await drawing.of(() => drawImages(settings, step), counts);
        const inputs = await preparing.of(async () => prepareBatch(settings, step, images), counts);
        const schedule = adamwSchedule({ ...settings, lr: 1e-4 }, step);
        const found = await stepping.of(
          () => executable.run({ ...inputs, schedule }, ['contrastive', 'region', 'total']),
          counts,
        );
        loss = found.total![0]!;
        if (!Number.isFinite(loss)) throw new Error(`step ${step}: the loss is ${loss}`);
      }
      return {
        settings: given,
        gflop: executable.plan.flops / 1e9,
        dispatches: executable.dispatches,
        draw: drawing.cost(),
        prepare: preparing.cost(),
        step: stepping.cost(),
        loss,
        times: gpu.capabilities.timestamps ? await executable.profile() : [],
      };
    } finally {
      executable.dispose();
    }
  } finally {
    state.dispose();
  }
}

/** Adds up what pieces of work take. */
function meter(processorTime: () => Promise<ProcessorTime>) {
  const times: number[] = [];
  const processor: Record<string, number> = {};
  return {
    async of<T>(work: () => Promise<T>, counts: boolean): Promise<T> {
      const before = await processorTime();
      const began = performance.now();
      const result = await work();
      if (counts) {
        times.push(performance.now() - began);
        for (const [name, after] of Object.entries(await processorTime()))
          processor[name] = (processor[name] ?? 0) + after - before[name]!;
      }
      return result;
    },
    cost(): Cost {
      const { median, spread } = summary(times);
      const means = Object.entries(processor).map(([name, sum]) => [name, sum / times.length]);
      return { milliseconds: median, spread, processor: Object.fromEntries(means) };
    },
  };
}
