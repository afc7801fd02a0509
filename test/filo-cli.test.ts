import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { float32Tensor, readSafetensors, writeSafetensors } from '../src/formats/safetensors.ts';
import { openFile } from '../src/formats/source.node.ts';
import { randomClipWeights } from '../src/model/clip/random.ts';
import { wordListMetadata } from '../src/model/clip/tokenizer/tokenizer.ts';
import { filo, filoPhases } from '../src/model/methods/filo/filo.ts';
import { filoDefaults } from '../src/model/methods/filo/options.ts';
import { phaseOf } from '../src/train/epoch.ts';
import { type Node, torchFile } from './torch-file.ts';
import { cli, makeFixtures, tinyConfig } from './train-fixtures.ts';

const words = '. abnormal at bottom center cracks damaged flawless left object right top weave with'.split(
  ' ',
);
const config = { ...tinyConfig, vocabSize: words.length + 2, contextLength: 24 };

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let clip: string;
let descriptions: string;
let images: string[];
const out = (...parts: string[]) => path.join(fixtures.dir, ...parts);
const training = (run: string, ...more: string[]) => [
  'train',
  '--method',
  'filo',
  '--data',
  fixtures.data,
  '--clip',
  clip,
  '--out',
  out(run),
  '--descriptions',
  descriptions,
  '--epochs',
  '2',
  '--cache',
  out('cache'),
  ...more,
];

beforeAll(async () => {
  fixtures = await makeFixtures();
  clip = out('filo-clip.safetensors');
  await writeFile(clip, writeSafetensors(randomClipWeights(config, 1), wordListMetadata(words)));
  descriptions = out('descriptions.json');
  await writeFile(descriptions, JSON.stringify({ weave: 'cracks, damaged' }));
  const meta = JSON.parse(await readFile(path.join(fixtures.data, 'meta.json'), 'utf8')) as {
    test: Record<string, { img_path: string }[]>;
  };
  images = Object.values(meta.test)
    .flat()
    .map(({ img_path }) => img_path);
});
afterAll(() => fixtures.remove());

const tensorsOf = async (file: string) => {
  const source = await openFile(file);
  const opened = await readSafetensors(source);
  const found = new Map<string, Float32Array>();
  for (const name of opened.tensors.keys()) found.set(name, await opened.readFloat32(name));
  await source.close();
  return found;
};

test('phases: 15 and 5 of 20, some of each where there are two', () => {
  expect([1, 2, 3, 4, 20].map(filoPhases)).toEqual([
    [1, 0],
    [1, 1],
    [2, 1],
    [3, 1],
    [15, 5],
  ]);
  expect([0, 14, 15, 19, 25].map((epoch) => phaseOf([15, 5], epoch))).toEqual([0, 0, 1, 1, 1]);
});

describe('FiLO behind the commands', () => {
  test('trains in two phases; interrupted in the second and resumed it gives the same bits', async () => {
    const whole = await cli(training('whole', '--json'));
    expect(whole.code, whole.note).toBe(0);
    const learned = await tensorsOf(out('whole', 'prompts.safetensors'));
    const start = await filo('filo', 'FiLO', filoDefaults).learning!.initial({ config } as never, 0);
    // Everything has moved: the adapter in the second phase only, the rest in the first.
    for (const [name, values] of learned)
      expect(
        values.some((x, i) => x !== start.get(name)![i]),
        name,
      ).toBe(true);

    // Nine steps and the epoch's line are of the first phase; so the second is under way.
    const log = out('cut', 'log.jsonl');
    const lines = () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0);
    const first = await cli(training('cut'), {
      onInterrupt(stop) {
        const timer = setInterval(() => {
          if (lines() >= 12) stop();
        }, 1);
        return () => clearInterval(timer);
      },
    });
    expect(first.code, first.note).toBe(130);
    const second = await cli(training('cut', '--resume'));
    expect(second.code, second.note).toBe(0);
    const bytes = (run: string) => readFile(out(run, 'prompts.safetensors'));
    expect((await bytes('cut')).equals(await bytes('whole'))).toBe(true);
  });

  test('detects with and without boxes', async () => {
    const prompts = [
      '--prompts',
      out('whole', 'prompts.safetensors'),
      '--clip',
      clip,
      '--cache',
      out('cache'),
    ];
    const file = path.join(fixtures.data, images[0]!);
    const detect = (...more: string[]) =>
      cli(['detect', file, ...prompts, '--object', 'weave', '--json-lines', ...more]);
    const without = await detect();
    expect(without.code, without.note).toBe(0);
    const plain = JSON.parse(without.out) as { score: number; mapMax: number };
    expect(plain.score).toBeGreaterThanOrEqual(0);
    expect(plain.score).toBeLessThanOrEqual(1);

    const boxes = out('boxes.json');
    const entry = { image: images[0], boxes: [{ xyxy: [0, 0, 0.01, 0.01], score: 0.9, phrase: 'cracks' }] };
    await writeFile(boxes, JSON.stringify([entry]));
    const boxed = await detect('--boxes', boxes);
    expect(boxed.code, boxed.note).toBe(0);
    const found = JSON.parse(boxed.out) as { score: number; mapMax: number };
    expect(found.score).not.toBe(plain.score); // texts of one position only
    expect(found.mapMax).toBeCloseTo(0.7 * plain.mapMax, 1);

    await writeFile(boxes, JSON.stringify([{ ...entry, image: 'another.png' }]));
    const missing = await detect('--boxes', boxes);
    expect(missing.code).toBe(1);
    expect(missing.out + missing.note).toMatch(/expected its boxes in .*boxes\.json, found none/);
  });

  test('evaluates; boxes are refused where nothing uses them', async () => {
    const common = ['--data', fixtures.data, '--clip', clip, '--cache', out('cache')];
    const boxes = out('all.json');
    await writeFile(boxes, JSON.stringify(images.map((image) => ({ image, boxes: [] }))));
    const prompts = ['--prompts', out('whole', 'prompts.safetensors')];
    const {
      code,
      out: json,
      note,
    } = await cli(['eval', ...common, ...prompts, '--boxes', boxes, '--json', '-']);
    expect(code, note).toBe(0);
    expect(JSON.parse(json)).toMatchObject({ mean: { metrics: { pro: expect.any(Number) } } });
    const written = await cli(['eval', ...common, '--method', 'pair', '--boxes', boxes]);
    expect(written.code).toBe(1);
    expect(written.note).toMatch(/--boxes: only with --prompts of FiLO/);
    const folder = await cli(['eval', ...common, ...prompts, '--boxes', fixtures.data]);
    expect(folder.note).toMatch(/--boxes: .*: expected a readable file, found a folder/);
    const batch = await cli(training('batch', '--batch', '2'));
    expect(batch.code).toBe(1);
    expect(batch.note).toMatch(/batch: expected at most 1/);
  });

  test('a published checkpoint is read, with its taps as additions in place left them', async () => {
    const learned = await tensorsOf(out('whole', 'prompts.safetensors'));
    const shapes = filo('filo', 'FiLO', filoDefaults).learning!.shapes(config);
    const state = new Map<string, Node>(
      [...learned].map(([name, values]) => [name, float32Tensor(shapes.get(name)!, values)]),
    );
    state.set('clip_model.visual.proj', float32Tensor([1, 1], new Float32Array(1)));
    const pth = out('filo_train_on_visa.pth');
    await writeFile(pth, torchFile(new Map<string, Node>([['filo', state]])));
    const converted = out('published.safetensors');
    const { code, note } = await cli(['weights', 'convert', pth, converted, '--clip', clip]);
    expect(code, note).toBe(0);
    const source = await openFile(converted);
    const file = await readSafetensors(source);
    expect(JSON.parse(file.metadata.get('options')!)).toMatchObject({
      aliasedTaps: true,
      taps: 2,
      tokens: 12,
    });
    await source.close();
    const detected = await cli([
      'detect',
      path.join(fixtures.data, images[0]!),
      '--prompts',
      converted,
      '--clip',
      clip,
      '--no-cache',
      '--object',
      'weave',
      '--json-lines',
    ]);
    expect(detected.code, detected.note).toBe(0);
    const half = new Map([...state].filter(([name]) => name !== 'adapter.fc.2.weight'));
    await writeFile(pth, torchFile(new Map<string, Node>([['filo', half]])));
    const broken = await cli(['weights', 'convert', pth, out('broken.safetensors'), '--clip', clip]);
    expect(broken.code).toBe(1);
    expect(broken.note).toMatch(/adapter\.fc\.2\.weight/);
  });
});
