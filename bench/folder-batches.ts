// npm run bench -- folder --batches: a folder's images a second by how many are encoded together, and where the time goes.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { overlay } from '../src/data/heatmap.ts';
import { decodeImage, encodePng } from '../src/data/image.node.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import type { DeviceSlice } from '../src/graph/device-tensor.ts';
import { detectWith } from '../src/jobs/detection.ts';
import { createImageEncoder } from '../src/model/clip/image-encoder.ts';
import { fapromptNeeds } from '../src/model/clip/needs.ts';
import { createStaging } from '../src/model/clip/staging.ts';
import { defaultDualLayers } from '../src/model/clip/vision.ts';
import type { Clip } from '../src/model/clip/weights.ts';
import type { Scorer } from '../src/model/scorer.ts';
import { createFeatureSource } from '../src/train/features/features.node.ts';
import { createRandomScorer } from './detect.ts';
import { summary } from './output.ts';
import { randomClip } from './random-clip.ts';

export interface BatchSettings {
  readonly model: string;
  readonly size: number;
  readonly half: boolean;
  readonly runs: number;
  readonly batches: readonly number[];
  /** Told what is known before the rest is. */
  readonly onStages?: (stages: StageTimes) => void;
  readonly onLap?: (batch: number, imagesPerSecond: number) => void;
}

/** Milliseconds of one image, each stage alone: nothing else runs meanwhile. */
export interface StageTimes {
  readonly read: number;
  readonly decode: number;
  /** Upload, resize and normalise. */
  readonly preprocess: number;
  /** By images encoded together. */
  readonly encode: Readonly<Record<number, number>>;
  /** Map and score, read back. */
  readonly score: number;
  /** A heat map over the image as PNG, for --out. */
  readonly heatmap: number;
}

export interface BatchRate {
  readonly batch: number;
  /** As `detect --json-lines` goes through a folder: everything overlaps that can. */
  readonly imagesPerSecond: number;
  readonly spread: number;
  /** Processor time of an image in milliseconds, with a software adapter's. */
  readonly processor: number;
  /** Share of the time that the stages on the GPU would take one after the other: the rest it waits. */
  readonly busy: number;
}

export interface BatchResult {
  readonly images: number;
  readonly stages: StageTimes;
  readonly rates: readonly BatchRate[];
}

/** @param folder of photographs */
export async function benchBatches(gpu: Gpu, folder: string, settings: BatchSettings): Promise<BatchResult> {
  const { model, size, half } = settings;
  const clip = await randomClip(gpu, model, half);
  const scorer = await createRandomScorer(gpu, clip, size);
  try {
    const files = (await readdir(folder)).sort().map((name) => path.join(folder, name));
    const stages = await measureStages({ gpu, clip, scorer }, files, settings);
    settings.onStages?.(stages);
    const times = await measureRates({ gpu, clip, scorer }, files, settings);
    const rates = settings.batches.map((batch): BatchRate => {
      const laps = times.get(batch)!;
      const { median, spread } = summary(laps.map(({ wall }) => wall));
      const gpuTime = stages.preprocess + stages.encode[batch]! + stages.score;
      return {
        batch,
        imagesPerSecond: 1000 / median,
        spread,
        processor: summary(laps.map(({ processor }) => processor)).median,
        busy: gpuTime / median,
      };
    });
    return { images: files.length, stages, rates };
  } finally {
    scorer.dispose();
    clip.dispose();
  }
}

interface Parts {
  readonly gpu: Gpu;
  readonly clip: Clip;
  readonly scorer: Scorer;
}

/** Photographs that the stages are timed with, once round before. */
const sampled = 16;

async function measureStages(
  { gpu, clip, scorer }: Parts,
  files: readonly string[],
  { size, batches }: BatchSettings,
): Promise<StageTimes> {
  const needs = fapromptNeeds(defaultDualLayers(clip.config));
  const most = Math.max(...batches);
  const staging = createStaging({ gpu, clip, size, needs }, most);
  const encoder = await createImageEncoder({ gpu, clip, size, needs }, { batch: most, ready: 0 });
  const laps = new Map<string, number[]>();
  const timed = async <T>(stage: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work();
    laps.set(stage, [...(laps.get(stage) ?? []), performance.now() - began]);
    return result;
  };
  try {
    const some = Array.from({ length: Math.max(sampled, most) }, (_, i) => files[i % files.length]!);
    const slices: DeviceSlice[] = [];
    for (const [place, file] of [...some.slice(0, most), ...some].entries()) {
      if (place === most) laps.clear(); // what came before was a warm-up
      const bytes = new Uint8Array(await timed('read', () => readFile(file)));
      const image = await timed('decode', () => decodeImage(bytes, file));
      const slice = await timed('preprocess', async () => {
        const put = await staging.put(image, place % most);
        await gpu.finish();
        return put;
      });
      slices[place % most] = slice;
      const [features] = await encoder.encodeStaged([slice], false);
      const { map, score } = await timed('score', () => scorer.score(features!, file));
      if (!(score >= 0 && score <= 1)) throw new Error(`the score is ${score}`);
      const picture = { width: size, height: size, values: map };
      await timed('heatmap', async () => encodePng(overlay(image, picture, [0, 1])));
    }
    for (let i = 0; i < 4; i += 1)
      for (const batch of batches) {
        const encode = async () => {
          await encoder.encodeStaged(slices.slice(0, batch), false);
          await gpu.finish();
        };
        if (i === 0)
          await encode(); // compiles
        else await timed(`encode ${batch}`, encode);
      }
    const median = (stage: string) => summary(laps.get(stage)!).median;
    return {
      ...{ read: median('read'), decode: median('decode'), preprocess: median('preprocess') },
      encode: Object.fromEntries(batches.map((batch) => [batch, median(`encode ${batch}`) / batch])),
      ...{ score: median('score'), heatmap: median('heatmap') },
    };
  } finally {
    encoder.dispose();
    staging.dispose();
  }
}

/** Milliseconds of an image, runs of all batches in turn. */
async function measureRates(
  { gpu, clip, scorer }: Parts,
  files: readonly string[],
  { size, batches, runs, onLap }: BatchSettings,
): Promise<ReadonlyMap<number, { readonly wall: number; readonly processor: number }[]>> {
  const needs = fapromptNeeds(defaultDualLayers(clip.config));
  const found = new Map(batches.map((batch) => [batch, [] as { wall: number; processor: number }[]]));
  const sources = batches.map((batch) => {
    const options = { clip: clip.name, imageSize: size, needs, precision: 'f32', cache: undefined } as const;
    return { batch, features: createFeatureSource(gpu, clip, { ...options, imageBatch: batch }) };
  });
  try {
    for (let run = 0; run <= runs; run += 1)
      for (const { batch, features } of sources) {
        const some = run === 0 ? files.slice(0, 2 * batch) : files; // the first compiles
        const began = performance.now();
        const before = process.cpuUsage();
        for await (const each of detectWith(scorer, features).detect(some, (file) => file))
          if ('problem' in each) throw each.problem;
        const { user, system } = process.cpuUsage(before);
        const wall = (performance.now() - began) / some.length;
        if (run === 0) continue;
        found.get(batch)!.push({ wall, processor: (user + system) / 1000 / some.length });
        onLap?.(batch, 1000 / wall);
      }
    return found;
  } finally {
    for (const { features } of sources) features.dispose();
  }
}
