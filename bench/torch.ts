// The published arithmetic in PyTorch, in a process of its own, where a python3 with torch is found.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { pythons, pythonWith } from '../scripts/python.ts';
import { defaultDualLayers } from '../src/model/clip/vision.ts';
import { configOf } from './random-clip.ts';
import { root } from './root.ts';

export interface TorchTimes {
  readonly torch: string;
  readonly device: string;
  readonly threads: number;
  /** f32 1024^3 in the same process: tells a reference BLAS from a fast one. */
  readonly matmulGflops: number;
  readonly images: number;
  readonly imageSeconds: number;
  readonly textSeconds: number;
}

/** A python3 that can import torch. @throws Error naming what was tried */
export function findPython(): string {
  const python = pythonWith('torch');
  if (python) return python;
  throw new Error(`no python3 with torch (tried ${pythons.join(', ')}): install it or set FAPROMPT_PYTHON`);
}

/** Runs bench/published_step.py once; `images` at a time. */
export async function runTorch(
  model: string,
  size: number,
  images: number,
  mode: 'step' | 'detect',
): Promise<TorchTimes> {
  const config = configOf(model);
  const script = path.join(root, 'bench', 'published_step.py');
  const given = {
    config,
    size,
    images,
    prompts: 10,
    dual: defaultDualLayers(config),
    mode,
    warm: mode === 'detect',
  };
  const { stdout } = await promisify(execFile)(findPython(), [script, JSON.stringify(given)]);
  return JSON.parse(stdout) as TorchTimes;
}
