// Damaged weights files: typed errors only, no hang, no large allocation.
// FAPROMPT_FUZZ=full npx vitest run test/weights-fuzz.test.ts: 100,000 headers and 10,000 pickles.
import { expect, test } from 'vitest';
import { WeightsError } from '../src/formats/errors.ts';
import { float16Tensor, float32Tensor, writeSafetensors } from '../src/formats/safetensors.ts';
import { type ByteSource, bytesSource } from '../src/formats/source.ts';
import { clipTensors } from '../src/model/checkpoint/names.ts';
import { readTensors } from '../src/model/checkpoint/open.ts';
import { clipConfigOf } from '../src/model/clip/config.ts';
import { type Node, pickle, torchFile, zip } from './torch-file.ts';

const full = process.env.FAPROMPT_FUZZ === 'full';
const [headers, pickles, archives] = full ? [100_000, 10_000, 10_000] : [2000, 2000, 1000];

const tensors = new Map([
  ['visual.conv1.weight', float32Tensor([2, 3, 1, 1], new Float32Array(6))],
  ['visual.proj', float16Tensor([2, 4], new Float32Array(8))],
  ['text.text_projection.weight', float32Tensor([2, 2], new Float32Array(4))],
]);
const object: Node = {
  global: '__torch__.M',
  attributes: new Map<string, Node>([
    ['visual', { global: '__torch__.V', attributes: new Map<string, Node>(tensors) }],
    ['training', false],
    ['sizes', [1, 2, 3]],
  ]),
};
const nested = new Map<string, Node>([
  ['epoch', 1],
  ['state_dict', tensors],
  ['rest', [null, true, 'x', [tensors]]],
]);

/** A reproducible stream of integers below n. */
function randomSource(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Opcodes and numbers that a pickle gives meaning to, and JSON's. */
const pieces: readonly (readonly number[])[] = [
  [0x28],
  [0x29],
  [0x2e],
  [0x30],
  [0x31],
  [0x32],
  [0x52],
  [0x51],
  [0x62],
  [0x65],
  [0x75],
  [0x81],
  [0x85],
  [0x87],
  [0x94],
  [0x71, 0],
  [0x68, 0],
  [0x68, 1],
  [0x72, 0xff, 0xff, 0xff, 0xff],
  [0x8b, 0xff, 0xff, 0xff, 0x7f],
  [0x58, 0xff, 0xff, 0xff, 0xff],
  [0x42, 0xff, 0xff, 0xff, 0x7f],
  [0x8d, 0, 0, 0, 0, 0, 1, 0, 0],
  [0x95],
  [0x4a, 0xff, 0xff, 0xff, 0x7f],
  [0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x70],
  [0x5d],
  [0x7d],
  [0x63, 0x6f, 0x73, 0x0a, 0x78, 0x0a],
  ...['0', '9', '-', '1e9', '[', ']', '{', '}', '"', ',', 'null', '99999999999999999999', 'F16', '\\'].map(
    (text) => [...new TextEncoder().encode(text)],
  ),
]; // prettier-ignore

function mutate(
  original: Uint8Array,
  random: (n: number) => number,
  from = 0,
  to = original.length,
): Uint8Array {
  let bytes = original.slice();
  for (let n = random(4); n >= 0; n--) {
    const at = from + random(Math.max(1, Math.min(to, bytes.length) - from));
    const piece = pieces[random(pieces.length)]!;
    const kind = random(6);
    if (kind === 0) bytes[at] = random(256);
    else if (kind === 1) bytes[at]! ^= 1 << random(8);
    else if (kind === 2) bytes.set(piece.slice(0, bytes.length - at), at);
    else if (kind === 3) bytes = Uint8Array.from([...bytes.subarray(0, at), ...piece, ...bytes.subarray(at)]);
    else if (kind === 4) bytes.copyWithin(at, from + random(at - from + 1), at);
    else if (random(4) === 0) bytes = bytes.slice(0, at);
  }
  return bytes;
}

interface Outcome {
  accepted: number;
  refused: number;
}

/** Opens, maps, reads everything that is listed. */
async function tryOne(bytes: Uint8Array, outcome: Outcome): Promise<void> {
  const source = bytesSource('mutated', bytes);
  const read: ByteSource['read'] = (offset, length) => {
    if (!(length <= bytes.length)) throw new Error(`asked for ${length} of ${bytes.length} bytes`);
    return source.read(offset, length);
  };
  const start = performance.now();
  try {
    const file = await readTensors({ ...source, read });
    for (const [name, info] of file.tensors) {
      expect(info.bytes).toBeLessThanOrEqual(bytes.length);
      expect((await file.readBytes(name)).length).toBe(info.bytes);
    }
    clipConfigOf(clipTensors(file).file);
    outcome.accepted++;
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    if (/of CLIP under|no such tensor|\[/.test(error.message)) outcome.accepted++; // the file itself was fine
    outcome.refused++;
  }
  expect(performance.now() - start).toBeLessThan(1000);
}

const timeout = 1_800_000;
const maxRss = () => process.resourceUsage().maxRSS * 1024;

async function fuzz(rounds: number, make: (random: (n: number) => number, round: number) => Uint8Array) {
  const outcome: Outcome = { accepted: 0, refused: 0 };
  const before = maxRss();
  const random = randomSource(20_240_501 + rounds);
  for (let round = 0; round < rounds; round++) await tryOne(make(random, round), outcome);
  // Garbage of small rounds included.
  expect(maxRss() - before).toBeLessThan(200 * 2 ** 20);
  expect(outcome.refused).toBeGreaterThan(rounds / 2);
  expect(outcome.accepted).toBeGreaterThan(rounds / 200);
}

test(`${headers} mutated safetensors headers`, { timeout }, async () => {
  const original = writeSafetensors(tensors, { k: 'v' });
  await fuzz(headers, (random) => mutate(original, random));
});

test(`${pickles} mutated pickles`, { timeout }, async () => {
  const originals = [pickle(nested), pickle(object)];
  await fuzz(pickles, (random, round) => {
    const { bytes, storages } = originals[round % 2]!;
    const entries = new Map<string, Uint8Array>([['a/data.pkl', mutate(bytes, random)]]);
    for (const [key, data] of storages.entries()) entries.set(`a/data/${key}`, data);
    if (round % 2) entries.set('a/constants.pkl', pickle([]).bytes);
    return zip(entries);
  });
});

test(`${archives} mutated archives`, { timeout }, async () => {
  const originals = [torchFile(nested), torchFile(object, [])];
  const random2 = (bytes: Uint8Array, random: (n: number) => number) => (random(2) ? bytes.length - 700 : 0); // the directory, or anywhere
  await fuzz(archives, (random, round) => {
    const original = originals[round % 2]!;
    return mutate(original, random, random2(original, random));
  });
});

test('nesting and repetition without end', async () => {
  const archive = (bytes: number[]) => zip(new Map([['a/data.pkl', Uint8Array.from([0x80, 2, ...bytes])]]));
  const lists = (n: number) => Array.from({ length: n }, () => 0x5d);
  const deep = [...lists(1e5), ...Array.from({ length: 1e5 - 1 }, () => 0x61), 0x2e];
  // Each list holds the one before it twice: 2^60 paths.
  const laughs = [0x5d];
  for (let i = 0; i < 60; i++) laughs.push(0x71, 0, 0x30, 0x5d, 0x28, 0x68, 0, 0x68, 0, 0x65);
  const itself = [0x5d, 0x71, 0, 0x68, 0, 0x61, 0x2e];
  for (const bytes of [deep, [...laughs, 0x2e], itself]) {
    const start = performance.now();
    await expect(readTensors(bytesSource('x', archive(bytes)))).rejects.toThrow(/endless nesting/);
    expect(performance.now() - start).toBeLessThan(1000);
  }
});
