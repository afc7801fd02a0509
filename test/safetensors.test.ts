import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SafeTensor } from 'safetensors';
import { afterAll, describe, expect, test } from 'vitest';
import { WeightsError } from '../src/formats/errors.ts';
import { encodeBfloat } from '../src/formats/half.ts';
import {
  float16Tensor,
  float32Tensor,
  readSafetensors,
  type TensorData,
  writeSafetensors,
} from '../src/formats/safetensors.ts';
import { openFile } from '../src/formats/source.node.ts';
import { type ByteSource, bytesSource } from '../src/formats/source.ts';
import { hasShared, sharedPath } from '../testing/shared.ts';

const read = (bytes: Uint8Array) => readSafetensors(bytesSource('test.safetensors', bytes));

/** A file from a header (text, or an object) and a number of data bytes. */
function fileOf(header: unknown, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

/** The WeightsError that reading ends in. */
async function errorOf(bytes: Uint8Array): Promise<WeightsError> {
  const error: unknown = await read(bytes).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WeightsError);
  expect((error as WeightsError).file).toBe('test.safetensors');
  return error as WeightsError;
}

const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('writing and reading', () => {
  const ramp = new Float32Array([0, 1, -2, 3.5, 1e-8, 65504]);
  const tensors = new Map<string, TensorData>([
    ['b', float16Tensor([3], ramp.subarray(0, 3))], // 6 bytes: what follows is not aligned
    ['a', float32Tensor([2, 3], ramp)],
    ['1', { dtype: 'I64', shape: [2], data: new BigInt64Array([-5n, 7n]) }],
    ['scalar', { dtype: 'F64', shape: [], data: new Float64Array([0.1]) }],
    ['empty', { dtype: 'U8', shape: [0, 4], data: new Uint8Array(0) }],
    ['bf', { dtype: 'BF16', shape: [2], data: encodeBfloat(new Float32Array([1, -0.5])) }],
    ['wide', { dtype: 'U32', shape: [1], data: new Uint32Array([2 ** 31]) }],
    ['__proto__', { dtype: 'BOOL', shape: [2], data: new Uint8Array([1, 0]) }],
  ]);

  test('what was written is read back, unaligned data and odd names included', async () => {
    const file = await read(writeSafetensors(tensors, { seed: '7', note: 'ä' }));
    expect([...file.metadata]).toEqual([
      ['seed', '7'],
      ['note', 'ä'],
    ]);
    expect([...file.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
    expect([...(await file.readFloat32('a'))]).toEqual([...ramp]);
    expect([...(await file.readFloat32('b'))]).toEqual([0, 1, -2]);
    expect([...(await file.readFloat32('scalar'))]).toEqual([Math.fround(0.1)]);
    expect([...(await file.readFloat32('bf'))]).toEqual([1, -0.5]);
    expect([...(await file.readInt32('1'))]).toEqual([-5, 7]);
    expect([...(await file.readInt32('__proto__'))]).toEqual([1, 0]);
    expect((await file.readInt32('empty')).length).toBe(0);
    expect(new Float32Array((await file.readBytes('a', 8, 8)).buffer)).toEqual(ramp.subarray(2, 4));
    await expect(file.readInt32('wide')).rejects.toThrow(/32 bits, found 2147483648/);
    await expect(file.readFloat32('1')).rejects.toMatchObject({ tensor: '1', found: 'I64' });
    await expect(file.readFloat32('none')).rejects.toBeInstanceOf(WeightsError);
    await expect(file.readBytes('a', 20, 8)).rejects.toBeInstanceOf(RangeError);
  });

  test('the bytes depend on the input alone; the header is padded and keeps the order', () => {
    const bytes = writeSafetensors(tensors);
    expect(writeSafetensors(new Map(tensors))).toEqual(bytes);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = new TextDecoder().decode(bytes.subarray(8, 8 + length));
    expect([...header.matchAll(/"([^"]+)":\{"dtype"/g)].map((match) => match[1])).toEqual([
      ...tensors.keys(),
    ]);
    expect(() => writeSafetensors(new Map([['x', float32Tensor([4], ramp)]]))).toThrow(/24 bytes, not 16/);
  });

  test('the npm package safetensors reads our file', () => {
    const other = new SafeTensor(writeSafetensors(tensors));
    expect(other.metadata.get('a')).toMatchObject({ dtype: 'F32', shape: [2, 3] });
    expect(new Float32Array(other.getTensor('a').slice().buffer)).toEqual(ramp);
    expect(new BigInt64Array(other.getTensor('1').slice().buffer)).toEqual(new BigInt64Array([-5n, 7n]));
  });
});

describe('damaged files', () => {
  const good = { a: f32([2], 0, 8), b: f32([1], 8, 12) };

  test('the undamaged file is read', async () => {
    expect((await read(fileOf(good, 12))).tensors.size).toBe(2);
    expect((await read(fileOf('{}', 0))).tensors.size).toBe(0);
  });

  test.each<[string, unknown, number, { tensor?: string; expected?: RegExp; found: RegExp }]>([
    ['not JSON', '{"a":', 0, { expected: /JSON/, found: /./ }],
    ['not UTF-8 JSON', '\ufeff{}', 0, { expected: /JSON/, found: /./ }],
    ['an array', [], 0, { expected: /JSON object/, found: /\[\]/ }],
    ['null', null, 0, { found: /null/ }],
    ['metadata that is no map', { __metadata__: [1] }, 0, { found: /\[1\]/ }],
    ['metadata with a number', { __metadata__: { n: 1 } }, 0, { expected: /__metadata__\.n/, found: /1/ }],
    ['an entry that is no object', { a: 1 }, 0, { tensor: 'a', found: /1/ }],
    ['unknown dtype', { a: { ...good.a, dtype: 'toString' } }, 8, { tensor: 'a', found: /toString/ }],
    ['no shape', { a: { dtype: 'F32', data_offsets: [0, 8] } }, 8, { tensor: 'a', found: /nothing/ }],
    ['a negative size', { a: f32([-2], 0, 8) }, 8, { tensor: 'a', found: /-2/ }],
    ['a fractional size', { a: f32([0.5], 0, 2) }, 2, { tensor: 'a', found: /0\.5/ }],
    [
      'a size beyond 2^53',
      '{"a":{"dtype":"U8","shape":[1e300,0],"data_offsets":[0,0]}}',
      0,
      { found: /1e\+300/ },
    ],
    [
      'sizes whose product overflows',
      { a: f32([2 ** 40, 2 ** 40], 0, 8) },
      8,
      { tensor: 'a', found: /8 bytes/ },
    ],
    [
      'deeply nested sizes',
      `{"a":{"dtype":"U8","shape":${'['.repeat(1e5)}${']'.repeat(1e5)}}}`,
      0,
      { found: /…/ },
    ],
    [
      'offsets that disagree with the shape',
      { a: f32([3], 0, 8) },
      8,
      { expected: /12 bytes/, found: /8 bytes/ },
    ],
    ['offsets turned round', { a: f32([2], 8, 0) }, 8, { tensor: 'a', found: /\[8, 0\]/ }],
    ['one offset', { a: { ...good.a, data_offsets: [0] } }, 8, { tensor: 'a', found: /\[0\]/ }],
    ['an overlap', { a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12, { tensor: 'b', found: /overlap/ }],
    ['a hole', { a: f32([2], 0, 8), b: f32([1], 12, 16) }, 16, { tensor: 'b', found: /hole/ }],
    ['a hole at the start', { a: f32([2], 8, 16) }, 16, { tensor: 'a', found: /hole/ }],
    ['data cut off', good, 11, { tensor: 'b', found: /truncated/ }],
    ['data left over', good, 13, { found: /bytes/ }],
  ])('%s', async (_, header, dataBytes, { tensor, expected = /./, found }) => {
    const error = await errorOf(fileOf(header, dataBytes));
    expect(error.tensor ?? tensor).toBe(tensor ?? error.tensor);
    expect(error.expected).toMatch(expected);
    expect(error.found).toMatch(found);
  });

  test('a file shorter than its header, or with one over 100 MB, is refused before the header is read', async () => {
    expect((await errorOf(new Uint8Array(5))).found).toMatch(/zeros/);
    expect((await errorOf(new Uint8Array(0))).found).toBe('an empty file');
    expect((await errorOf(fileOf(good, 12).subarray(0, 40))).found).toMatch(/40 bytes/);
    const size = 2 ** 40;
    const prefix = new Uint8Array(8);
    new DataView(prefix.buffer).setBigUint64(0, 100_000_001n, true);
    const reads: number[] = [];
    const source: ByteSource = {
      name: 'huge',
      size,
      read: async (_, length) => {
        reads.push(length);
        return prefix.slice(0, length);
      },
    };
    await expect(readSafetensors(source)).rejects.toThrow(/at most 100000000 bytes, found 100000001/);
    expect(reads).toEqual([8]);
  });

  test('a source that returns too little is reported with the tensor', async () => {
    const bytes = fileOf(good, 12);
    const whole = bytesSource('short', bytes);
    const file = await readSafetensors({
      ...whole,
      read: async (offset, length) => (await whole.read(offset, length)).slice(0, length === 4 ? 3 : length),
    });
    await expect(file.readFloat32('b')).rejects.toMatchObject({ tensor: 'b', found: '3 bytes' });
  });

  test('mutated headers end in a WeightsError or a consistent file, quickly and in little memory', async () => {
    const original = writeSafetensors(
      new Map([
        ['w', float32Tensor([2, 2], new Float32Array(4))],
        ['h', float16Tensor([3], new Float32Array(3))],
      ]),
      { k: 'v' },
    );
    let state = 12345;
    const random = (n: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    const pieces = [
      '0',
      '9',
      '-',
      '1e9',
      '[',
      ']',
      '{',
      '}',
      '"',
      ',',
      'null',
      '99999999999999999999',
      'F16',
      '\\',
    ];
    let [accepted, refused] = [0, 0];
    const start = performance.now();
    for (let round = 0; round < 5000; round++) {
      let bytes = original.slice();
      for (let n = random(3); n >= 0; n--) {
        const at = random(bytes.length);
        const piece = new TextEncoder().encode(pieces[random(pieces.length)]);
        const kind = random(4);
        if (kind === 0) bytes[at] = random(256);
        else if (kind === 1) bytes[at]! ^= 1 << random(8);
        else if (kind === 2) bytes.set(piece.subarray(0, bytes.length - at), at);
        else bytes = bytes.slice(0, at);
        if (bytes.length === 0) break;
      }
      const source = bytesSource('mutated', bytes);
      const read: ByteSource['read'] = (offset, length) => {
        expect(length).toBeLessThanOrEqual(bytes.length);
        return source.read(offset, length);
      };
      try {
        const file = await readSafetensors({ ...source, read });
        let total = 0;
        for (const [name, { bytes: count }] of file.tensors) {
          expect((await file.readBytes(name)).length).toBe(count);
          total += count;
        }
        expect(total).toBeLessThan(bytes.length);
        accepted++;
      } catch (error) {
        if (!(error instanceof WeightsError)) throw error;
        refused++;
      }
    }
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(accepted).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(1000);
  });
});

describe('files on disk', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'faprompt-safetensors-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('a file source reads ranges', async () => {
    const name = path.join(folder, 'a.safetensors');
    writeFileSync(name, writeSafetensors(new Map([['x', float32Tensor([2], new Float32Array([4, 5]))]])));
    const source = await openFile(name);
    const file = await readSafetensors(source);
    expect([...(await file.readFloat32('x'))]).toEqual([4, 5]);
    writeFileSync(name, '');
    await expect(file.readFloat32('x')).rejects.toMatchObject({ file: name, tensor: 'x', found: '0 bytes' });
    await source.close();
    await expect(file.readFloat32('x')).rejects.toBeInstanceOf(WeightsError);
  });

  test('a missing file and a folder are typed errors', async () => {
    await expect(openFile(path.join(folder, 'none'))).rejects.toThrow(
      /none: expected a readable file.*ENOENT/,
    );
    await expect(openFile(folder)).rejects.toThrow(WeightsError);
  });

  test.skipIf(!hasShared('golden/a/weights_f16.safetensors'))(
    'F16 and F32 golden weights are equal',
    async () => {
      const sources = await Promise.all(
        ['weights', 'weights_f16'].map((name) => openFile(sharedPath(`golden/a/${name}.safetensors`))),
      );
      const [full, half] = await Promise.all(sources.map(readSafetensors));
      const names = [...full!.tensors.keys()];
      expect([...half!.tensors.keys()].sort()).toEqual([...names].sort());
      const bytes = readFileSync(sharedPath('golden/a/weights.safetensors'));
      for (const name of names) {
        const values = await full!.readFloat32(name);
        const decoded = await half!.readFloat32(name);
        expect(Buffer.compare(Buffer.from(decoded.buffer), Buffer.from(values.buffer)), name).toBe(0);
        expect(values[0]).toBe(bytes.readFloatLE(full!.tensors.get(name)!.offset));
      }
      await Promise.all(sources.map((source) => source.close()));
    },
  );
});
