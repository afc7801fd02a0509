// npm run bench -- detect: one image end to end, phase by phase, with a CLIP of seeded random weights.
import sharp from 'sharp';
import { decodeImage } from '../src/data/image.node.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { createImageEncoder, type ImageEncoder } from '../src/model/clip/image-encoder.ts';
import { fapromptNeeds } from '../src/model/clip/needs.ts';
import { preprocessImage } from '../src/model/clip/preprocess.ts';
import { defaultDualLayers } from '../src/model/clip/vision.ts';
import type { Clip } from '../src/model/clip/weights.ts';
import { initialLearnables, learnableShapes } from '../src/model/faprompt/learnables.ts';
import { presets } from '../src/model/faprompt/options.ts';
import { createScorer } from '../src/model/faprompt/scorer.ts';
import type { Detection, Scorer } from '../src/model/scorer.ts';
import { byOp, clockMHz, type OpTime } from './by-op.ts';
import { summary } from './output.ts';
import { uniform } from './random.ts';
import { randomClip } from './random-clip.ts';

export const phases = ['decode', 'preprocess', 'encode', 'score'] as const;
export type Phase = (typeof phases)[number];

export interface DetectSettings {
  readonly model: string;
  readonly size: number;
  readonly runs: number;
  readonly half: boolean;
  /** Sides of the JPEG that is decoded. */
  readonly image: { readonly width: number; readonly height: number };
}

export interface DetectResult {
  readonly settings: DetectSettings;
  readonly total: { readonly milliseconds: number; readonly spread: number };
  readonly phases: Record<Phase, { readonly milliseconds: number; readonly spread: number }>;
  /** The encoder alone, call after call, once the GPU has its clock (in MHz, where nvidia-smi tells). */
  readonly inARow: { readonly milliseconds: number; readonly spread: number; readonly clock?: number };
  /** The encoder's operators, where the adapter has timestamps. */
  readonly top: readonly OpTime[];
  readonly gflop: { readonly encode: number; readonly score: number };
  readonly bytes: number;
}

/** A photograph's worth of work for a decoder: smooth colours under noise. */
export async function randomJpeg({ width, height }: DetectSettings['image'], seed: number): Promise<Buffer> {
  const next = uniform(seed);
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const wave = Math.sin((i % (width * 3)) / 700 + seed) + Math.cos(i / (width * 1500));
    return Math.max(0, Math.min(255, 128 + 50 * wave + 8 * next()));
  });
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

export interface Pipeline {
  /** @returns the detection and the milliseconds of every phase */
  detect(jpeg: Buffer): Promise<{ detection: Detection; times: Record<Phase, number> }>;
  readonly encoder: ImageEncoder;
  readonly scorer: Scorer;
  dispose(): void;
}

/** A scorer with untrained prompts: its work does not depend on their values. */
export function createRandomScorer(gpu: Gpu, clip: Clip, size: number): Promise<Scorer> {
  const options = presets.topm;
  const random = uniform(11);
  const learnables = initialLearnables(learnableShapes(options, clip.config), {
    next: () => random() / 4 + 0.5,
    normal: random,
  });
  return createScorer({ gpu, clip, size }, options, learnables);
}

/** The encoder, and a scorer. */
export async function createPipeline(gpu: Gpu, clip: Clip, size: number): Promise<Pipeline> {
  const [encoder, scorer] = await Promise.all([
    createImageEncoder({ gpu, clip, size, needs: fapromptNeeds(defaultDualLayers(clip.config)) }),
    createRandomScorer(gpu, clip, size),
  ]);
  return {
    encoder,
    scorer,
    async detect(jpeg) {
      const stamps = [performance.now()];
      const lap = <T>(value: T): T => {
        stamps.push(performance.now());
        return value;
      };
      const image = lap(await decodeImage(jpeg, 'bench.jpg'));
      const input = lap(await preprocessImage(gpu, image, size));
      const [features] = lap(await encoder.encode([input]));
      const detection = lap(await scorer.score(features!, 'image'));
      const times = Object.fromEntries(phases.map((phase, i) => [phase, stamps[i + 1]! - stamps[i]!]));
      return { detection, times: times as Record<Phase, number> };
    },
    dispose() {
      encoder.dispose();
      scorer.dispose();
    },
  };
}

/** Throws unless the score is a number in [0, 1] and the map is whole: nothing else is worth timing. */
export function checkDetection({ score, map }: Detection, size: number): void {
  if (!(score >= 0 && score <= 1)) throw new Error(`the score is ${score}`);
  if (map.length !== size * size || !map.every((value) => value >= 0 && value <= 1))
    throw new Error('the map has values outside of [0, 1]');
}

export async function benchDetect(gpu: Gpu, settings: DetectSettings): Promise<DetectResult> {
  const { model, size, runs, half, image } = settings;
  const clip = await randomClip(gpu, model, half);
  gpu.memory.resetPeak();
  const pipeline = await createPipeline(gpu, clip, size);
  const jpegs = await Promise.all([1, 2, 3].map((seed) => randomJpeg(image, seed)));
  const laps: Record<Phase, number>[] = [];
  try {
    for (let i = 0; i < runs + 1; i += 1) {
      const { detection, times } = await pipeline.detect(jpegs[i % jpegs.length]!);
      checkDetection(detection, size);
      if (i > 0) laps.push(times); // the first compiles on lazy drivers
    }
    const input = await preprocessImage(gpu, await decodeImage(jpegs[0]!, 'bench.jpg'), size);
    const inARow = await encodeInARow(gpu, pipeline.encoder, input, runs);
    const times = gpu.capabilities.timestamps ? await pipeline.encoder.executable.profile() : [];
    const flop = ({ executable }: ImageEncoder | Scorer) =>
      (executable.plan.flops - executable.plan.once.flops) / 1e9; // the first image's own work is not timed
    const of = (time: (lap: Record<Phase, number>) => number) => {
      const { median, spread } = summary(laps.map(time));
      return { milliseconds: median, spread };
    };
    return {
      settings,
      total: of((lap) => phases.reduce((sum, phase) => sum + lap[phase], 0)),
      phases: Object.fromEntries(
        phases.map((phase) => [phase, of((lap) => lap[phase])]),
      ) as DetectResult['phases'],
      inARow,
      top: byOp(times),
      gflop: { encode: flop(pipeline.encoder), score: flop(pipeline.scorer) },
      bytes: gpu.memory.peak,
    };
  } finally {
    pipeline.dispose();
    clip.dispose();
  }
}

/** Milliseconds that a GPU is loaded before it is timed, so that it has its clock. */
const warmUp = 500;

async function encodeInARow(
  gpu: Gpu,
  encoder: ImageEncoder,
  input: Parameters<ImageEncoder['encode']>[0][number],
  runs: number,
): Promise<DetectResult['inARow']> {
  const began = performance.now();
  while (!gpu.capabilities.software && performance.now() - began < warmUp) await encoder.encode([input]);
  const asked = clockMHz();
  const times: number[] = [];
  for (let i = 0; i < runs; i += 1) {
    const start = performance.now();
    await encoder.encode([input]);
    times.push(performance.now() - start);
  }
  const clock = await asked;
  const { median, spread } = summary(times);
  return { milliseconds: median, spread, ...(clock === undefined ? {} : { clock }) };
}
