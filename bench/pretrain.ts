// npm run bench -- pretrain: a pretraining step of the small CLIP, and what of it is drawing, copying and computing.
import type { Gpu } from '../src/gpu/gpu.ts';
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
import { byOp, byShader, byShape, type OpTime } from './by-op.ts';
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

/** What a part of a step takes: wall time, and the seconds of all threads of the process. */
export interface Cost {
  readonly milliseconds: number;
  readonly spread: number;
  /** Mean over the runs, in milliseconds; user and system. */
  readonly processor: number;
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
  readonly operators: readonly OpTime[];
  readonly shaders: readonly OpTime[];
  readonly shapes: readonly OpTime[];
}

export async function benchPretrain(gpu: Gpu, given: PretrainBenchSettings): Promise<PretrainResult> {
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
  const drawing = meter();
  const preparing = meter();
  const stepping = meter();
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
      const times = gpu.capabilities.timestamps ? await executable.profile() : [];
      return {
        settings: given,
        gflop: executable.plan.flops / 1e9,
        dispatches: executable.dispatches,
        draw: drawing.cost(),
        prepare: preparing.cost(),
        step: stepping.cost(),
        loss,
        operators: byOp(times),
        shaders: byShader(times),
        shapes: byShape(times),
      };
    } finally {
      executable.dispose();
    }
  } finally {
    state.dispose();
  }
}

/** Adds up what pieces of work take. */
function meter() {
  const times: number[] = [];
  let processor = 0;
  return {
    async of<T>(work: () => Promise<T>, counts: boolean): Promise<T> {
      const before = process.cpuUsage();
      const began = performance.now();
      const result = await work();
      if (counts) {
        times.push(performance.now() - began);
        const { user, system } = process.cpuUsage(before);
        processor += (user + system) / 1e3;
      }
      return result;
    },
    cost(): Cost {
      const { median, spread } = summary(times);
      return { milliseconds: median, spread, processor: processor / times.length };
    },
  };
}
