// npm run bench -- cold: from the start of a process to its first result, with and without the driver's disk cache.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Gpu } from '../src/gpu/gpu.ts';
import { processIo } from '../src/jobs/io.ts';
import { checkDetection, createPipeline, randomJpeg } from './detect.ts';
import { summary } from './output.ts';
import { randomClip, sizeOf } from './random-clip.ts';

/** Milliseconds since the process started, at the end of each stage. */
export interface Stages {
  readonly modules: number;
  readonly adapter: number;
  readonly weights: number;
  readonly pipelines: number;
  readonly result: number;
}

export interface CompileTime {
  readonly shader: string;
  /** From the request until the pipeline is there; requests overlap. */
  readonly milliseconds: number;
}

export interface FirstResult {
  readonly adapter: string;
  readonly stages: Stages;
  readonly compiled: readonly CompileTime[];
}

/** What the child process does: everything that stands before a first heat map. */
export async function firstResult(model: string): Promise<FirstResult> {
  const modules = performance.now(); // counts from the process's start
  const gpu = await processIo.openGpu();
  const compiled = watchPipelines(gpu);
  const adapter = performance.now();
  const clip = await randomClip(gpu, model, false);
  const weights = performance.now();
  const size = sizeOf(model);
  const pipeline = await createPipeline(gpu, clip, size);
  const pipelines = performance.now();
  const { detection } = await pipeline.detect(await randomJpeg({ width: 640, height: 480 }, 1));
  checkDetection(detection, size);
  const result = performance.now();
  const found = {
    adapter: gpu.description,
    stages: { modules, adapter, weights, pipelines, result },
    compiled,
  };
  gpu.close();
  return found;
}

/** Every pipeline that the device compiles from now on, with its time. */
function watchPipelines({ device }: Gpu): CompileTime[] {
  const compiled: CompileTime[] = [];
  const original = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = async (descriptor) => {
    const start = performance.now();
    const pipeline = await original(descriptor);
    compiled.push({ shader: descriptor.label ?? '', milliseconds: performance.now() - start });
    return pipeline;
  };
  return compiled;
}

export interface ColdResult {
  readonly model: string;
  readonly adapter: string;
  readonly runs: number;
  /** Milliseconds from spawning the process to its result, medians. */
  readonly empty: { readonly milliseconds: number; readonly stages: Stages };
  readonly warm: { readonly milliseconds: number; readonly stages: Stages };
  /** With the empty cache, the slowest first. */
  readonly compiled: readonly CompileTime[];
}

export interface ColdOptions {
  readonly model: string;
  readonly runs: number;
  /** Told of each process as it ends. */
  readonly onRun?: (cache: 'empty' | 'warm', milliseconds: number) => void;
}

/** @param program the bundled bench, whose hidden command `first-result` is the child */
export async function benchCold(program: string, { model, runs, onRun }: ColdOptions): Promise<ColdResult> {
  const cold: Run[] = [];
  const warm: Run[] = [];
  for (let i = 0; i < runs; i += 1) {
    const cache = await mkdtemp(path.join(os.tmpdir(), 'faprompt-cold-'));
    try {
      for (const [name, measured] of [
        ['empty', cold],
        ['warm', warm],
      ] as const) {
        const run = await runOnce(program, model, cache);
        measured.push(run);
        onRun?.(name, run.milliseconds);
      }
    } finally {
      await rm(cache, { recursive: true });
    }
  }
  const of = (measured: readonly Run[]) => {
    const { median } = summary(measured.map((run) => run.milliseconds));
    const middle = measured.find((run) => run.milliseconds === median) ?? measured[0]!;
    return { milliseconds: median, stages: middle.result.stages };
  };
  const { compiled, adapter } = cold[0]!.result;
  return {
    model,
    adapter,
    runs,
    empty: of(cold),
    warm: of(warm),
    compiled: [...compiled].sort((a, b) => b.milliseconds - a.milliseconds),
  };
}

interface Run {
  readonly milliseconds: number;
  readonly result: FirstResult;
}

/** Mesa's disk cache, and NVIDIA's, in a folder of this measurement's own. */
const cacheVariables = ['MESA_SHADER_CACHE_DIR', '__GL_SHADER_DISK_CACHE_PATH', 'XDG_CACHE_HOME'];

function runOnce(program: string, model: string, cache: string): Promise<Run> {
  const env = { ...process.env, ...Object.fromEntries(cacheVariables.map((name) => [name, cache])) };
  const start = performance.now();
  const child = spawn(process.execPath, [program, 'first-result', '--model', model], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  let arrived = 0;
  child.stdout.on('data', (text) => {
    output += text;
    arrived ||= performance.now() - start;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(`the child process ended with ${code}`));
      else resolve({ milliseconds: arrived, result: JSON.parse(output) as FirstResult });
    });
  });
}
