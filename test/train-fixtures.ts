// A tiny CLIP and tiny images, made on the spot, and the command line run in this process.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { run } from '../src/cli/program.ts';
import { generate } from '../src/data/synth/generate.node.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import type { Io } from '../src/jobs/io.ts';
import { clipConfig } from '../src/model/clip/config.ts';
import { randomClipWeights } from '../src/model/clip/random.ts';
import { wordListMetadata } from '../src/model/clip/tokenizer/tokenizer.ts';
import { testGpu } from './gpu.ts';

const words = ['.', 'object', 'damaged'];

export const tinyConfig = clipConfig({
  visionWidth: 64,
  visionLayers: 2,
  patch: 8,
  grid: 4,
  textWidth: 64,
  textLayers: 2,
  contextLength: 16,
  vocabSize: words.length + 2,
  embedDim: 32,
});

/** A folder with `clip.safetensors` and the data set `data`: 9 images of 32 pixels, 5 with a defect. */
export async function makeFixtures(): Promise<{
  dir: string;
  clip: string;
  data: string;
  remove(): Promise<void>;
}> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-test-'));
  const clip = path.join(dir, 'clip.safetensors');
  const data = path.join(dir, 'data');
  await writeFile(clip, writeSafetensors(randomClipWeights(tinyConfig, 1), wordListMetadata(words)));
  await generate(data, { seed: 1, imageSize: 32, classes: ['weave'], good: 4, defective: 5 });
  return { dir, clip, data, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Small FAPrompt sizes, so that a step takes milliseconds. */
export const tinyOptions = ['--prompts', '2', '--patches', '4', '--batch', '4'];

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly note: string;
}

/** Runs a command on the tests' own device. @param io what to replace, such as an interrupt at some moment */
export async function cli(argv: readonly string[], io: Partial<Io> = {}): Promise<Outcome> {
  let out = '';
  let note = '';
  const code = await run(argv, {
    out(text) {
      out += `${text}\n`;
    },
    note(text) {
      note += `${text}\n`;
    },
    terminal: false,
    openGpu: async () => ({ ...(await testGpu()), close() {} }),
    onInterrupt: () => () => {},
    ...io,
  });
  return { code, out, note };
}
