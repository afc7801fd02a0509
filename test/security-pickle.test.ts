// SECURITY.md: a weights file runs no code, and its pickle and header cost at most 256 MiB and 5 seconds.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasEsbuild } from '../testing/esbuild.ts';
import { type Child, createChild } from './security-child.ts';
import { tensors } from './security-work.ts';
import { torchFile, zip } from './torch-file.ts';

const ceiling = { mebibytes: 256, seconds: 5 };

let dir: string;
let child: Child | undefined;
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-test-'));
  if (hasEsbuild()) child = await createChild('./test/security-work.ts');
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
  await child?.remove();
});

const int32 = (value: number) => Buffer.from(Int32Array.of(value).buffer);
const repeat = (bytes: number[] | Buffer, times: number) =>
  Buffer.alloc(bytes.length * times, Buffer.from(bytes));
const text = (length: number) =>
  Buffer.concat([Buffer.from([0x58]), int32(length), Buffer.alloc(length, 'a')]);
const ordered = Buffer.from('ccollections\nOrderedDict\n');
/** BINPUT 0 */
const put = Buffer.from([0x71, 0]);
const get = Buffer.from([0x68, 0]);

/** Pickles by what they try; STOP follows. */
const pickles: Record<string, () => Buffer> = {
  '5 MB of dictionaries': () => repeat([0x7d], 5e6),
  '5 MB of lists': () => repeat([0x5d], 5e6),
  '3.9 MB of dictionaries': () => repeat([0x7d], 3.9e6),
  '3.9 MB of lists': () => repeat([0x5d], 3.9e6),
  '3.9 MB of marks and tuples': () => repeat([0x28, 0x74], 1.95e6),
  '3.9 MB of entries of the memo': () => Buffer.concat([Buffer.from([0x4e]), repeat([0x94], 3.9e6)]),
  '3.9 MB of short texts': () => repeat([0x8c, 1, 0x61], 1.3e6),
  'a 3 MB key over 900 children': () => longKey(3e6, 900),
  'a list of 200 000 in 400 000 others': () =>
    Buffer.concat([
      Buffer.from([0x5d, 0x71, 0, 0x28]),
      repeat([0x4e], 200_000),
      Buffer.from([0x65, 0x28]),
      repeat(get, 400_000),
      Buffer.from([0x6c]),
    ]),
  'ordered dictionaries of one list, again and again': () =>
    Buffer.concat([
      Buffer.from([0x5d, 0x71, 1, 0x28]),
      repeat([0x4e, 0x4e, 0x86], 80_000),
      Buffer.from([0x65]),
      ordered,
      put,
      repeat([0x68, 0, 0x68, 1, 0x85, 0x52], 500_000),
    ]),
  'lists in lists, doubled 64 times': () =>
    Buffer.concat([
      Buffer.from([0x7d, 0x71, 0]),
      ...Array.from({ length: 64 }, (_, i) => Buffer.from([0x68, i, 0x68, i, 0x86, 0x71, i + 1])),
    ]),
  'a list that holds itself': () => Buffer.from([0x5d, 0x71, 0, 0x68, 0, 0x61]),
};

function longKey(key: number, children: number): Buffer {
  // {key: {0: [], 1: [], ...}}
  const inner = Array.from({ length: children }, (_, i) =>
    Buffer.concat([Buffer.from([0x4d, i & 255, i >> 8, 0x5d])]),
  );
  return Buffer.concat([
    Buffer.from([0x7d, 0x28]),
    text(key),
    Buffer.from([0x7d, 0x28]),
    ...inner,
    Buffer.from([0x75, 0x75]),
  ]);
}

describe.skipIf(!hasEsbuild())('a pickle within its ceiling', () => {
  test('all of them, in one process', async () => {
    const files: string[] = [];
    for (const [name, make] of Object.entries(pickles)) {
      const file = path.join(dir, `${name}.pt`);
      files.push(file);
      const pickle = Buffer.concat([Buffer.from([0x80, 2]), make(), Buffer.from([0x2e])]);
      await writeFile(file, zip([['x/data.pkl', pickle]]));
    }
    const { result, mebibytes } = await child!.run('each', 'tensors', files);
    for (const { file, error, seconds } of result as { file: string; error?: string; seconds: number }[]) {
      expect(error, file).toMatch(/^WeightsError: .*\.pt.*: expected .*, found |^undefined$/);
      expect(seconds, file).toBeLessThan(ceiling.seconds);
    }
    expect(mebibytes).toBeLessThan(ceiling.mebibytes);
  });

  test.each([
    ['os.system', 'cposix\nsystem\n'],
    ['builtins.eval', 'cbuiltins\neval\n'],
    ['an instance of a class', 'csubprocess\nPopen\n'],
  ])('%s is named, and nothing is run', async (_, global) => {
    const file = path.join(dir, 'code.pt');
    const mark = path.join(dir, 'ran');
    const call = Buffer.concat([
      Buffer.from([0x80, 2]),
      Buffer.from(global),
      Buffer.from([0x58]),
      int32(6 + mark.length),
      Buffer.from(`touch ${mark}`),
      Buffer.from([0x85, 0x52, 0x2e]),
    ]);
    await writeFile(file, zip([['x/data.pkl', call]]));
    await expect(tensors(file)).rejects.toThrow(
      /expected tensors, found none; the Python objects .* are not read/,
    );
    await expect(rm(mark)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('two entries of one name in the archive are refused', async () => {
    const file = path.join(dir, 'twice.pt');
    const empty = Buffer.from([0x80, 2, 0x7d, 0x2e]);
    await writeFile(
      file,
      zip([
        ['x/data.pkl', empty],
        ['x/data.pkl', empty],
      ]),
    );
    await expect(tensors(file)).rejects.toThrow(/one entry of each name/);
  });

  test('a real state dict of 3000 tensors is read', async () => {
    const tensor = { dtype: 'F32', shape: [1], data: new Float32Array(1) } as const;
    const file = path.join(dir, 'real.pt');
    await writeFile(
      file,
      torchFile(new Map(Array.from({ length: 3000 }, (_, i) => [`layer.${i}.weight`, tensor]))),
    );
    expect(await tensors(file)).toBe(3000);
  });
});

describe.skipIf(!hasEsbuild())('a header within its ceiling', () => {
  const size = 20e6;
  const fill = (head: string, item: string, tail: string) =>
    Buffer.concat([Buffer.from(head), Buffer.alloc(size, item), Buffer.from(tail)]);
  const headers: Record<string, () => Buffer> = {
    tensors: () => fill('{', '"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},', '}'),
    brackets: () => fill('{"a":', '[', ''),
    numbers: () => fill('{"a":[', '1,', '1]}'),
    'different keys': () => {
      const keys = Array.from({ length: size / 10 }, (_, i) => `"${i}":""`).join(',');
      return Buffer.from(`{"__metadata__":{${keys}}}`);
    },
    'one key': () => fill('{"', 'k', '":1}'),
    'a string without an end': () => fill('{"', '\\"', ''),
  };
  test('all of them, in one process', async () => {
    const files: string[] = [];
    for (const [name, make] of Object.entries(headers)) {
      const json = make();
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      files.push(path.join(dir, `${name}.safetensors`));
      await writeFile(files.at(-1)!, Buffer.concat([length, json]));
    }
    const { result, mebibytes } = await child!.run('each', 'header', files);
    for (const { file, error, seconds } of result as { file: string; error?: string; seconds: number }[]) {
      expect(error, file).toMatch(/^WeightsError: .*\.safetensors: .*expected .*, found /);
      expect(seconds, file).toBeLessThan(ceiling.seconds);
    }
    expect(mebibytes).toBeLessThan(ceiling.mebibytes);
  });
});
