// SECURITY.md: an image never passes without a finite score and a finite threshold.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Detector } from '../src/detector/index.node.ts';
import { floatToHalf } from '../src/formats/half.ts';
import { readSafetensors, type TensorData, writeSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { allFinite } from '../src/model/clip/finite.ts';
import { optionKinds } from '../src/model/faprompt/option-checks.ts';
import { isAnomalous } from '../src/model/faprompt/verdict.ts';
import { readScore } from '../web/inspect/reading.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let prompts: string;
let image: string;
const at = (...parts: string[]) => path.join(fixtures.dir, ...parts);

beforeAll(async () => {
  fixtures = await makeFixtures();
  const { clip, data } = fixtures;
  const { code, note } = await cli([
    'train',
    '--data',
    data,
    '--clip',
    clip,
    '--out',
    at('run'),
    '--epochs',
    '1',
    '--no-cache',
    ...tinyOptions,
  ]);
  expect(code, note).toBe(0);
  prompts = at('run', 'prompts.safetensors');
  image = path.join(data, 'weave', 'test', 'good', '000.png');
});
afterAll(() => fixtures.remove());

/** A copy of a safetensors file with some of its tensors, or metadata, changed. */
async function changed(
  file: string,
  to: string,
  tensor: (name: string, values: Float32Array) => void,
  metadata: (entries: Record<string, string>) => void = () => {},
): Promise<string> {
  const read = await readSafetensors(bytesSource(file, await readFile(file)));
  const tensors = new Map<string, TensorData>();
  for (const [name, { shape }] of read.tensors) {
    const data = await read.readFloat32(name);
    tensor(name, data);
    tensors.set(name, { dtype: 'F32', shape, data });
  }
  const entries = Object.fromEntries(read.metadata);
  metadata(entries);
  await writeFile(at(to), writeSafetensors(tensors, entries));
  return at(to);
}

const withTensor = (to: string, wanted: string, value: number) =>
  changed(fixtures.clip, to, (name, values) => {
    if (name === wanted) values[1 % values.length] = value;
  });
const withMetadata = (to: string, metadata: (entries: Record<string, string>) => void) =>
  changed(prompts, to, () => {}, metadata);

/** Every command that scores images, on this CLIP. */
const commands = (clip: string, file = prompts): [string, string[]][] =>
  [
    ['detect --json-lines', ['detect', image, '--threshold', '0.5', '--json-lines']],
    ['detect --out', ['detect', image, '--threshold', '0.5', '--range', 'image', '--out', at('out')]],
    ['detect --json', ['detect', image, '--json', '--out', at('out')]],
    ['eval', ['eval', '--data', fixtures.data]],
    ['calibrate', ['calibrate', '--data', fixtures.data, '--out', at('calibrated.safetensors')]],
  ].map(([name, argv]) => [
    name as string,
    [...(argv as string[]), '--clip', clip, '--prompts', file, '--allow-other-clip', '--no-cache'],
  ]);

describe('weights that are not finite', () => {
  test.each([
    ['visual.ln_post.weight', Number.NaN],
    ['visual.conv1.weight', Number.POSITIVE_INFINITY],
    ['transformer.resblocks.1.mlp.c_fc.bias', Number.NEGATIVE_INFINITY],
    ['token_embedding.weight', Number.NaN],
  ])('%s with %f: every command names the tensor and fails', async (tensor, value) => {
    const clip = await withTensor('broken.safetensors', tensor, value);
    for (const [name, argv] of commands(clip)) {
      const { code, note, out } = await cli(argv);
      expect(code, name).toBe(1);
      expect(note, name).toContain(`tensor ${tensor}: expected finite numbers`);
      expect(out, name).not.toMatch(/pass|"anomalous":false/);
    }
    const info = await cli(['weights', 'info', clip]);
    expect([info.code, info.note]).toEqual([1, expect.stringContaining(`tensor ${tensor}`)]);
    await expect(Detector.load({ clip, prompts, allowOtherClip: true })).rejects.toMatchObject({
      kind: 'bad-weights',
      message: expect.stringContaining(tensor),
    });
  });

  test('in F16 and BF16, at every place of a word', () => {
    for (const length of [1, 2, 3, 4, 5])
      for (let from = 0; from < 2; from++)
        for (let bad = -1; bad < length; bad++) {
          const values = new Uint16Array(8).subarray(from, from + length).fill(floatToHalf(-65504));
          if (bad >= 0) values[bad] = bad % 2 ? 0x7e01 : 0xfc00;
          expect(allFinite(values), `${length} ${from} ${bad}`).toBe(bad < 0);
        }
    expect(allFinite(Float32Array.of(3.4e38, -1e-45, 0))).toBe(true);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(allFinite(Float32Array.of(1, value))).toBe(false);
  });
});

describe('finite weights that give no finite score', () => {
  let clip: string;
  beforeAll(async () => {
    clip = await changed(fixtures.clip, 'huge.safetensors', (name, values) => {
      if (name === 'visual.ln_post.weight') values.fill(3e38);
    });
  });

  test('every command names the image and fails', async () => {
    for (const [name, argv] of commands(clip)) {
      const { code, note, out } = await cli(argv);
      expect(code, `${name}: ${note}`).toBe(1);
      expect(note, name).toMatch(/weave.*\.png: expected a (finite score|map of finite numbers), found/);
      expect(out, name).not.toMatch(/pass|anomalous":false|"score":null/);
    }
    const { code, note } = await cli(['classify', image, '--clip', clip, '--text', 'damaged', 'object']);
    expect(code).toBe(1);
    expect(note).toMatch(/000\.png: expected finite probabilities/);
  });

  test('so does the library', async () => {
    const detector = await Detector.load({ clip, prompts, allowOtherClip: true });
    try {
      await expect(detector.detect(image)).rejects.toMatchObject({ kind: 'bad-weights', file: image });
    } finally {
      await detector.close();
    }
  });
});

describe('thresholds and temperatures', () => {
  test.each(['50', '-1', '1.0001', 'NaN', 'Infinity', ''])('--threshold %s is refused', async (value) => {
    const { code, note } = await cli([
      ...['detect', image, '--clip', fixtures.clip, '--prompts', prompts, '--out', at('x')],
      `--threshold=${value}`,
    ]);
    expect(code).toBe(1);
    expect(note).toMatch(/--threshold.*\[0, 1\]/);
  });

  test.each(['1e999', '-1e999', '1.5', '-0.1', 'null', '"0.5"'])(
    'a stored threshold of %s is refused',
    async (value) => {
      const file = await withMetadata('stored.safetensors', (entries) => {
        entries.threshold = `{"threshold":${value}}`;
      });
      for (const [name, argv] of commands(fixtures.clip, file)) {
        const { code, note } = await cli(argv);
        expect([name, code]).toEqual([name, 1]);
        expect(note).toContain('__metadata__.threshold');
      }
      await expect(Detector.load({ clip: fixtures.clip, prompts: file })).rejects.toMatchObject({
        kind: 'bad-prompts',
      });
    },
  );

  test.each([1e-300, 0, 1e-4, 1e30])('a stored temperature of %f is refused', async (temperature) => {
    const file = await withMetadata('cold.safetensors', (entries) => {
      entries.options = JSON.stringify({ ...JSON.parse(entries.options!), temperature });
    });
    const [, argv] = commands(fixtures.clip, file)[0]!;
    const { code, note } = await cli(argv);
    expect(code).toBe(1);
    expect(note).toContain('options.temperature: a number in [0.001, 100]');
    const given = ['train', '--data', fixtures.data, '--clip', fixtures.clip, '--out', at('no')];
    expect((await cli([...given, '--temperature', `${temperature}`])).note).toContain('[0.001, 100]');
  });

  test('the weights of the parts of a score add up to 1 at most', async () => {
    const file = await withMetadata('mix.safetensors', (entries) => {
      entries.options = JSON.stringify({ ...JSON.parse(entries.options!), maxMix: [5, 5] });
    });
    expect((await cli(commands(fixtures.clip, file)[0]![1])).note).toContain('options.maxMix');
    expect(optionKinds.maxMix.kind).toBe('pair');
  });

  test('what cannot be compared fails', () => {
    expect(isAnomalous(Number.NaN, 0.5)).toBe(true);
    expect(isAnomalous(0.1, Number.NaN)).toBe(true);
    expect([isAnomalous(0.4, 0.5), isAnomalous(0.5, 0.5)]).toEqual([false, true]);
  });

  test('the page calls nothing normal that cannot be compared', () => {
    const judged = { untrained: false, region: undefined };
    for (const [score, threshold] of [
      [Number.NaN, undefined],
      [Number.POSITIVE_INFINITY, 0.5],
      [0.1, Number.NaN],
      [0.1, 50],
      [0.1, -1],
    ] as const)
      expect(readScore({ ...judged, score, threshold })).toMatchObject({ tone: 'bad', verdict: 'No result' });
    expect(readScore({ ...judged, score: 0.1, threshold: 0.5 }).tone).toBe('good');
  });
});
