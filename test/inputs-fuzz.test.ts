// Damaged images, meta.json, label files and prompts: typed errors only, no hang, no growth of memory.
// FAPROMPT_FUZZ=full npx vitest run test/inputs-fuzz.test.ts: 10,000 of each.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { decodeText } from '../src/base/decode-text.ts';
import { createRandom, type Random } from '../src/base/random.ts';
import { openDataset } from '../src/data/dataset.node.ts';
import { metaSplits, parseMeta } from '../src/data/dataset.ts';
import { DatasetError, ImageError, MaskError } from '../src/data/errors.ts';
import { decodeImage, decodeMask } from '../src/data/image.node.ts';
import { recognise } from '../src/data/layouts/index.ts';
import { createFolder } from '../src/data/layouts/layout.ts';
import { WeightsError } from '../src/formats/errors.ts';
import { float32Tensor, readSafetensors, writeSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { learnableShapes } from '../src/model/faprompt/learnables.ts';
import { presets } from '../src/model/faprompt/options.ts';
import { readPrompts } from '../src/model/methods/prompts-file.ts';
import { tinyConfig } from './clip-files.ts';
import { bmp, tinyCopies, png as tinyPng } from './data-layouts.ts';

const full = process.env.FAPROMPT_FUZZ === 'full';
const count = full ? 10_000 : 200;
const slowest = 5000; // ms
const timeout = full ? 3_600_000 : 300_000;

const folder = await mkdtemp(path.join(tmpdir(), 'faprompt-fuzz-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Numbers that lengths and sizes are lied about with, little and big endian. */
const lies: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0x7f, 0xff, 0xff, 0xff],
  [0, 0, 0, 0],
  [0x80, 0, 0, 0],
  [0, 0, 0, 0x80],
  [0xff, 0xff],
  [0, 0],
  [0x27, 0x10],
  [0x10, 0x27],
];

/** Truncated, bits flipped, bytes replaced, pieces moved or repeated, lengths lied about. */
function mutate(original: Uint8Array, random: Random, words: readonly string[] = [], from = 0): Uint8Array {
  let bytes = new Uint8Array(original); // a Buffer's slice would be the seed itself
  for (let n = random.int(from > 0 ? 2 : 4); n >= 0; n--) {
    // Headers say more than what follows them.
    const near = random.int(2) === 0 ? Math.min(from + 64, bytes.length) : bytes.length;
    const at = Math.min(bytes.length, from + random.int(Math.max(1, near - from)));
    const kind = random.int(words.length > 0 ? 8 : 6);
    const insert = (piece: Uint8Array | readonly number[], over = 0) =>
      Uint8Array.from([...bytes.subarray(0, at), ...piece, ...bytes.subarray(at + over)]);
    if (kind === 0) bytes[at] = random.int(256);
    else if (kind === 1) bytes[at]! ^= 1 << random.int(8);
    else if (kind === 2) bytes.set(random.pick(lies).slice(0, Math.max(0, bytes.length - at)), at);
    else if (kind === 3) bytes = bytes.slice(0, at);
    else if (kind === 4) bytes = insert(bytes.subarray(at, at + random.int(40)));
    else if (kind === 5) bytes = insert([], random.int(20));
    else bytes = insert(new TextEncoder().encode(random.pick(words)), random.int(12));
  }
  return bytes;
}

interface Outcome {
  accepted: number;
  refused: number;
}

/**
 * Tries `count` mutations. @param expected the only errors that are allowed
 */
async function tryAll(
  seeds: readonly Uint8Array[],
  attempt: (bytes: Uint8Array, i: number) => Promise<void>,
  expected: readonly (abstract new (...args: never[]) => Error)[],
  change: (seed: Uint8Array, random: Random) => Uint8Array,
): Promise<Outcome> {
  const random = createRandom(12);
  const outcome = { accepted: 0, refused: 0 };
  let early = 0;
  for (let i = 0; i < count; i++) {
    const bytes = change(random.pick(seeds), random);
    const start = performance.now();
    try {
      await attempt(bytes, i);
      outcome.accepted++;
    } catch (error) {
      if (!expected.some((kind) => error instanceof kind)) {
        const file = path.join(tmpdir(), `faprompt-fuzz-failure-${i}`);
        await writeFile(file, bytes);
        throw new Error(`mutation ${i} (${file}): ${error}`, { cause: error });
      }
      expect((error as Error).message.length).toBeGreaterThan(10);
      outcome.refused++;
    }
    expect(performance.now() - start, `mutation ${i}`).toBeLessThan(slowest);
    if (i === Math.floor(count / 4)) early = await memory();
  }
  expect((await memory()) - early).toBeLessThan(200 * 2 ** 20);
  expect(outcome.refused).toBeGreaterThan(count / 10);
  return outcome;
}

/** A PNG's checksums made right, so that what they guard is read; every other time. */
function withRightCrc(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes[1] !== 0x50 || random.int(2) === 0) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) break;
    view.setUint32(end, crc32(bytes.subarray(at + 4, end)));
    at = end + 4;
  }
  return bytes;
}

/** JSON with one value, anywhere in it, that is another: of another type, missing, too large, leading elsewhere. */
function replaced(json: unknown, random: Random): unknown {
  const others = [
    null,
    true,
    -1,
    0.5,
    1e308,
    '',
    'x',
    '../../x',
    '/etc/passwd',
    'C:\\x',
    '\0',
    [],
    {},
    [[[]]],
    'é'.repeat(300),
  ];
  if (typeof json !== 'object' || json === null || random.int(4) === 0) return random.pick(others);
  const keys = Object.keys(json);
  if (keys.length === 0) return random.pick(others);
  const key = random.pick(keys);
  const copy: Record<string, unknown> = { ...(json as Record<string, unknown>) };
  if (random.int(8) === 0) delete copy[key];
  else copy[key] = replaced(copy[key], random);
  return Array.isArray(json) ? Object.values(copy) : copy;
}

/** Bytes of this process, after what can be freed was freed. */
async function memory(): Promise<number> {
  globalThis.gc?.();
  await new Promise((done) => setTimeout(done, 50));
  return process.memoryUsage().rss;
}

test(`${count} mutated images`, { timeout }, async () => {
  const pixels = Uint8Array.from({ length: 3 * 24 * 18 }, (_, i) => (i * 37) % 251);
  const rgb = () => sharp(pixels, { raw: { width: 24, height: 18, channels: 3 } });
  const grey16 = () =>
    sharp(
      Uint16Array.from(pixels.subarray(0, 24 * 18), (x) => 257 * x),
      {
        raw: { width: 24, height: 18, channels: 1 },
      },
    ).toColourspace('grey16');
  const seeds = await Promise.all([
    rgb().png().toBuffer(),
    rgb().png({ palette: true, colours: 16 }).toBuffer(),
    grey16().png().toBuffer(),
    rgb().jpeg().toBuffer(),
    rgb()
      .jpeg({ progressive: true, chromaSubsampling: '4:4:4' })
      .withExif({ IFD0: { Orientation: '6' } })
      .toBuffer(),
    rgb().tiff({ compression: 'none' }).toBuffer(),
    rgb().tiff({ compression: 'lzw', tile: true }).toBuffer(),
    rgb().tiff({ compression: 'deflate' }).toBuffer(),
    rgb().webp().toBuffer(),
    rgb().webp({ lossless: true }).toBuffer(),
    rgb().gif().toBuffer(),
    rgb().avif({ effort: 0 }).toBuffer(),
    rgb().toColourspace('cmyk').jpeg().toBuffer(),
    bmp(pixels.subarray(0, 24)),
  ]);
  const { accepted } = await tryAll(
    seeds,
    async (bytes, i) => {
      const { width, height, data } = await decodeImage(bytes, 'mutated');
      expect(data.length).toBe(3 * width * height);
      if (i % 4 > 0) return;
      const mask = await decodeMask(bytes, 'mutated');
      expect(mask.data.length).toBe(mask.width * mask.height);
    },
    [ImageError, MaskError],
    // Nearly always behind the signature: else nothing else is reached.
    (seed, random) => withRightCrc(mutate(seed, random, [], random.int(20) === 0 ? 0 : 12), random),
  );
  expect(accepted).toBeGreaterThan(count / 20);
});

const jsonWords = [
  'null',
  'true',
  '-1',
  '1e999',
  'NaN',
  '""',
  '"x"',
  '[]',
  '{}',
  '[[[[',
  '}',
  ']',
  ',',
  ':',
  '\\u0000',
  '"../../x"',
  '"/etc/passwd"',
  '"C:\\\\x"',
  '"anomaly":',
  '"img_path":',
  '"mask_path":',
  '"__proto__":',
  '"constructor":',
  '"test":',
  '\ufeff',
  '9'.repeat(40),
]; // prettier-ignore

test(`${count} mutated meta.json`, { timeout }, async () => {
  await writeFile(path.join(folder, 'a.png'), await tinyPng());
  const entry = (anomaly: 0 | 1) => ({
    img_path: 'a.png',
    mask_path: anomaly ? 'a.png' : '',
    cls_name: 'bottle',
    specie_name: 'dent',
    anomaly,
  });
  const text = JSON.stringify({ train: {}, test: { bottle: [entry(0), entry(1)], été: [entry(1)] } });
  const file = path.join(folder, 'meta.json');
  await tryAll(
    [new TextEncoder().encode(text), Buffer.from(text, 'utf16le')],
    async (bytes, i) => {
      const decoded = decodeText(bytes);
      for (const split of metaSplits(decoded)) parseMeta(decoded, file, split, () => null);
      if (i % 4 > 0) return;
      await writeFile(file, bytes);
      await openDataset(folder);
    },
    [DatasetError],
    (seed, random) =>
      random.int(2) === 0
        ? mutate(seed, random, jsonWords)
        : new TextEncoder().encode(JSON.stringify(replaced(JSON.parse(text), random))),
  );
});

test(`${count} mutated label files`, { timeout }, async () => {
  const copies = (await tinyCopies()).filter(({ files }) =>
    Object.keys(files).some((file) => /\.(csv|txt)$/.test(file) && file !== 'readme.txt'),
  );
  const tables = copies.flatMap(({ files }) =>
    Object.entries(files)
      .filter(([file]) => /(1cls|labels|image_anno)\.csv$|Labels\.txt$/.test(file))
      .map(([file, content]) => ({ files, file, bytes: Buffer.from(content as string) })),
  );
  expect(new Set(tables.map(({ file }) => path.basename(file))).size).toBe(4);
  for (const { files, file, bytes } of tables)
    await tryAllOf(Math.ceil(count / tables.length), bytes, file, files);

  async function tryAllOf(times: number, original: Uint8Array, file: string, files: object): Promise<void> {
    const random = createRandom(times);
    const words = [
      '"',
      ',',
      ';',
      '\t',
      '\n',
      '\r',
      '""',
      'test',
      'train',
      'normal',
      '../x',
      'C:\\x',
      '\0',
      '1e999',
      '\ufeff',
      ',,,,',
    ];
    for (let i = 0; i < times; i++) {
      const bytes = mutate(original, random, words);
      const start = performance.now();
      try {
        await recognise(
          createFolder('x', Object.keys(files).sort(), {
            path: (name) => name,
            readText: async (name) =>
              decodeText(
                name === file ? bytes : Buffer.from((files as Record<string, string | Uint8Array>)[name]!),
              ),
            hasAnomaly: async () => true,
          }),
        );
      } catch (error) {
        expect(error).toBeInstanceOf(DatasetError);
      }
      expect(performance.now() - start).toBeLessThan(slowest);
    }
  }
});

test(`${count} mutated prompts`, { timeout }, async () => {
  const options = { ...presets.topm, prompts: 2, patches: 4, layerDepth: 2, layerTokens: 1 };
  const shapes = learnableShapes(options, tinyConfig);
  const tensors = new Map(
    [...shapes].map(([name, shape]) => [
      name,
      float32Tensor(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5)),
    ]),
  );
  const bytes = writeSafetensors(tensors, {
    format: 'faprompt-prompts',
    version: '1',
    clip: 'a'.repeat(64),
    imageSize: '24',
    dualLayers: '1',
    options: JSON.stringify(options),
    training: '{"seed":0}',
    threshold: '{"threshold":0.5}',
  });
  const read = async (file: Uint8Array) =>
    readPrompts(await readSafetensors(bytesSource('mutated', file)), tinyConfig);
  await read(bytes);
  // The header alone is mutated: in what follows it any bytes but NaN are right.
  const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const values = bytes.subarray(header);
  const json = Buffer.from(bytes.subarray(8, header)).toString();
  await tryAll(
    [bytes.subarray(0, header)],
    async (mutated) => {
      const { imageSize, learnables } = await read(Buffer.concat([mutated, values]));
      expect(imageSize % tinyConfig.patch).toBe(0);
      for (const learned of learnables.values()) expect(learned.every(Number.isFinite)).toBe(true);
    },
    [WeightsError],
    (seed, random) => {
      if (random.int(2) === 0) return mutate(seed, random, jsonWords);
      const changed = JSON.stringify(replaced(JSON.parse(json), random));
      const length = new Uint8Array(BigUint64Array.of(BigInt(Buffer.byteLength(changed))).buffer);
      return Buffer.concat([length, Buffer.from(changed)]);
    },
  );
});
