// npm run bench -- step: one cached training step, against the published arithmetic.
import type { Gpu } from '../src/gpu/gpu.ts';
import { plan } from '../src/graph/plan.ts';
import { adamSchedule } from '../src/kernels/adam/adam.ts';
import { buildImageGraph } from '../src/model/clip/image-graph.ts';
import { fapromptNeeds } from '../src/model/clip/needs.ts';
import { defaultDualLayers } from '../src/model/clip/vision.ts';
import { initialLearnables, learnableShapes } from '../src/model/faprompt/learnables.ts';
import { presets } from '../src/model/faprompt/options.ts';
import { loadTemplates } from '../src/model/faprompt/scorer.ts';
import { publishedAdam } from '../src/model/methods/optimizer.ts';
import { createResidentImages, type StepImage, stepFeeds } from '../src/train/resident.ts';
import type { TrainingSource } from '../src/train/source.ts';
import { buildStepGraph, compileStep, createTrainingState } from '../src/train/step.ts';
import { byOp, type OpTime } from './by-op.ts';
import { summary } from './output.ts';
import { uniform } from './random.ts';
import { randomClip } from './random-clip.ts';

export interface StepSettings {
  readonly model: string;
  readonly size: number;
  readonly batch: number;
  readonly runs: number;
  /** Matrices of the frozen CLIP in f16. */
  readonly half: boolean;
  /** Steps between two readings of the memory; 0: none. */
  readonly steps: number;
  /** Features come from the host in every step, as where they do not fit the GPU. */
  readonly upload: boolean;
}

export interface StepResult {
  readonly settings: StepSettings;
  readonly milliseconds: number;
  readonly spread: number;
  readonly gflop: number;
  readonly gflops: number;
  readonly dispatches: number;
  /** Milliseconds of a step in which the host works; for the rest it waits. */
  readonly host: { readonly upload: number; readonly encode: number; readonly submit: number };
  /** Milliseconds of all dispatches, each alone between two timestamps; absent where there are none. */
  readonly gpu?: number;
  readonly uploadedBytes: number;
  /** GFLOP of the step with the image encoder, all text positions and nothing shared; of its parts. */
  readonly uncached: { readonly total: number; readonly text: number; readonly image: number };
  readonly bytes: { readonly plan: number; readonly measured: number };
  readonly growth?: { readonly steps: number; readonly gpuBytes: number; readonly hostBytes: number };
  readonly top: readonly OpTime[];
}

export async function benchStep(gpu: Gpu, settings: StepSettings): Promise<StepResult> {
  const { model, size, batch, runs, half, steps, upload } = settings;
  const options = presets.topm;
  const clip = await randomClip(gpu, model, half);
  const faprompt = await loadTemplates(clip, options);
  const shapes = learnableShapes(options, clip.config);
  const random = uniform(11);
  const state = createTrainingState(gpu, shapes, {
    parameters: initialLearnables(shapes, { next: () => random() / 4 + 0.5, normal: random }),
  });
  gpu.memory.resetPeak();
  const step = buildStepGraph(clip, faprompt, { batch, size });
  const executable = await compileStep(gpu, clip, step, state);

  const padding = [0, new Float32Array(clip.config.textWidth)] as const;
  const plain = buildStepGraph(
    clip,
    { ...faprompt, rows: new Map([...faprompt.rows, padding]) },
    { batch, size },
    {
      sharePrefix: false,
      length: clip.config.contextLength,
    },
  );
  const text = plan(plain.model.graph, plain.losses).flops / 1e9;
  const encoder = buildImageGraph(clip, size, batch, fapromptNeeds(defaultDualLayers(clip.config)));
  const image = plan(encoder.model.graph, encoder.outputs).flops / 1e9;

  const { embedDim, patch } = clip.config;
  const noise = (n: number, scale = 1) => Float32Array.from({ length: n }, () => scale * random());
  const source: TrainingSource = {
    count: 3 * batch,
    load: async (index) => ({
      features: {
        image: noise(embedDim, embedDim ** -0.5),
        patches: noise((size / patch) ** 2 * embedDim, embedDim ** -0.5),
      },
      anomalous: index % 2 === 1,
      mask: Uint8Array.from(noise(size * size), (x) => Number(x > 1)),
    }),
  };
  const resident = createResidentImages(gpu, source, upload ? 0 : undefined);
  const batches: StepImage[][] = [];
  for (let i = 0; i < 3; i += 1) {
    const images = Array.from({ length: batch }, (_, k) => resident.load(i * batch + k));
    batches.push((await Promise.all(images)) as StepImage[]);
  }
  let t = 0;
  const run = async () => {
    t += 1;
    const { total } = await executable.run(
      { ...stepFeeds(batches[t % 3]!, size), schedule: adamSchedule({ lr: 1e-3, ...publishedAdam }, t) },
      ['total'],
    );
    if (!Number.isFinite(total![0]!)) throw new Error(`step ${t}: the loss is ${total![0]}`);
  };
  await run(); // compiles on lazy drivers
  // As the trainer does it: the next step is uploaded and submitted while this one computes.
  const times: number[] = [];
  let underWay = run();
  const before = { ...executable.spent };
  let last = performance.now();
  for (let i = 0; i <= runs; i += 1) {
    const next = run();
    await underWay;
    underWay = next;
    // The first interval has an upload that nothing hid.
    if (i > 0) times.push(performance.now() - last);
    last = performance.now();
  }
  await underWay;
  const { spent } = executable;
  const perRun = (part: Exclude<keyof typeof before, 'runs'>) =>
    (spent[part] - before[part]) / (spent.runs - before.runs);
  const host = { upload: perRun('upload'), encode: perRun('encode'), submit: perRun('submit') };
  const uploadedBytes = perRun('uploadedBytes');
  const { median, spread } = summary(times);
  const growth = steps > 0 ? await measureGrowth(gpu, run, steps) : undefined;
  const gflop = executable.plan.flops / 1e9;
  const dispatchTimes = gpu.capabilities.timestamps ? await executable.profile() : [];
  const result = {
    settings,
    milliseconds: median,
    spread,
    gflop,
    gflops: gflop / (median / 1e3),
    dispatches: executable.dispatches,
    host,
    uploadedBytes,
    ...(dispatchTimes.length > 0
      ? { gpu: dispatchTimes.reduce((sum, { milliseconds }) => sum + milliseconds, 0) }
      : {}),
    uncached: { total: text + image, text, image },
    // The plan counts CLIP's parameters that the step uses; measured: everything that is allocated.
    bytes: { plan: executable.plan.bytes.total, measured: gpu.memory.peak },
    ...(growth ? { growth } : {}),
    top: byOp(dispatchTimes),
  };
  executable.dispose();
  resident.dispose();
  state.dispose();
  clip.dispose();
  return result;
}

async function measureGrowth(gpu: Gpu, run: () => Promise<void>, steps: number) {
  const before = { gpu: gpu.memory.allocated, host: process.memoryUsage().rss };
  for (let i = 0; i < steps; i += 1) await run();
  return {
    steps,
    gpuBytes: gpu.memory.allocated - before.gpu,
    hostBytes: process.memoryUsage().rss - before.host,
  };
}
