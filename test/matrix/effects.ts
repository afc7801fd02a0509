// What options of the matrices do that an exit code does not tell.
import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import { bytesSource } from '../../src/formats/source.ts';
import type { Io } from '../../src/jobs/io.ts';
import { hashFile } from '../../src/train/features/features.node.ts';
import { testGpu } from '../gpu.ts';
import { cli, type Outcome } from '../train-fixtures.ts';

export interface StagedOutcome extends Outcome {
  /** Bytes of the largest buffer that images waited in to be encoded together. */
  readonly staged: number;
}

/** Runs a command, and watches how many images it has room for to encode together. */
export async function stagedCli(argv: readonly string[], io: Partial<Io> = {}): Promise<StagedOutcome> {
  const gpu = await testGpu();
  let staged = 0;
  const memory = Object.create(gpu.memory, {
    allocate: {
      value(...args: Parameters<typeof gpu.memory.allocate>) {
        if (args[1] === 'images to encode') staged = Math.max(staged, args[0]);
        return gpu.memory.allocate(...args);
      },
    },
  });
  const outcome = await cli(argv, { openGpu: async () => ({ ...gpu, memory, close() {} }), ...io });
  return { ...outcome, staged };
}

/** Bytes that images of `size` pixels wait in: a batch, and the next one while it is encoded. */
export const stagedBytes = (batch: number, size: number): number => 2 * batch * 3 * size * size * 4;

/** A call that ended well. */
export interface Done extends StagedOutcome {
  /** Command and words, with files' names. */
  readonly argv: readonly string[];
  /** What the call's `{n}` was. */
  readonly made: string;
}

const valueAfter = (argv: readonly string[], flag: string): string => argv[argv.indexOf(flag) + 1]!;

/** --image-batch: as many have room as it says, and what comes out is that of images alone. */
export async function encodesTogether({ argv, out, staged }: Done): Promise<void> {
  const batch = Number(valueAfter(argv, '--image-batch'));
  expect(batch).toBeGreaterThan(1);
  const place = argv.indexOf('--image-batch') + 1;
  const alone = await stagedCli(argv.map((word, i) => (i === place ? '1' : word)));
  expect(alone.staged).toBeGreaterThan(0);
  expect(staged).toBe(batch * alone.staged);
  expect(alone.out).toBe(out);
}

async function weightsOf(file: string) {
  const opened = await readSafetensors(bytesSource(file, await readFile(file)));
  return { metadata: opened.metadata, projection: await opened.readFloat32('visual.proj') };
}

/** F16 has 11 bits. */
function expectClose(found: Float32Array, expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  const worst = Math.max(...found.map((value, i) => Math.abs(value - expected[i]!)));
  expect(worst).toBeLessThan(2 ** -10 * Math.max(...expected.map(Math.abs)));
}

/** --init, with a rate that moves nothing: the weights are those of that CLIP, which the new file names. */
export async function beginsWith({ argv, made }: Done): Promise<void> {
  const file = valueAfter(argv, '--init');
  const { metadata, projection } = await weightsOf(`${made}.safetensors`);
  expect(JSON.parse(metadata.get('training')!).init).toBe(await hashFile(file));
  expectClose(projection, [...(await weightsOf(file)).projection]);
}

/** --snapshots 2 of two steps: the second one's weights are kept, which are those of --export. */
export async function keepsSecond({ made }: Done): Promise<void> {
  const kept = (await readdir(made)).filter((name) => name.startsWith('step-'));
  expect(kept).toEqual(['step-2.safetensors']);
  expect(await readFile(`${made}/${kept[0]}`)).toEqual(await readFile(`${made}.safetensors`));
}

/** `weights mix OUT A B`: the mean by --shares or by halves, and the metadata says of what. */
export async function isMean({ argv, made }: Done): Promise<void> {
  const shares = argv.includes('--shares') ? valueAfter(argv, '--shares').split(',').map(Number) : [1, 1];
  const place = argv.indexOf(made);
  const files = argv.slice(place + 1, place + 3);
  const [a, b] = await Promise.all(files.map(async (file) => (await weightsOf(file)).projection));
  const [first, second] = shares as [number, number];
  const { metadata, projection } = await weightsOf(made);
  const mean = [...a!].map((value, i) => (first * value + second * b![i]!) / (first + second));
  expectClose(projection, mean);
  const from = await Promise.all(
    files.map(async (file, i) => ({ sha256: await hashFile(file), share: shares[i] })),
  );
  expect(JSON.parse(metadata.get('mixed')!)).toEqual(from);
}
