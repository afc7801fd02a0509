import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WeightsError } from '../src/formats/errors.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { openClip } from '../src/model/checkpoint/open.node.ts';
import { authorsBlip, writeBlips } from './blip-fixtures.ts';
import { cli, makeFixtures } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let blips: Awaited<ReturnType<typeof writeBlips>>;
let image: string;
beforeAll(async () => {
  fixtures = await makeFixtures();
  blips = await writeBlips(fixtures.dir);
  const meta = JSON.parse(await readFile(path.join(fixtures.data, 'meta.json'), 'utf8')) as {
    test: Record<string, { img_path: string }[]>;
  };
  image = path.join(fixtures.data, Object.values(meta.test)[0]![0]!.img_path);
});
afterAll(() => fixtures.remove());

const texts = ['a photo of a object', 'damaged objects', 'weave'];

describe('a BLIP behind the commands', () => {
  test('the same answer from both namings, and without a vocabulary none', async () => {
    const answers = [];
    for (const clip of [blips.pth, blips.folder]) {
      const argv = ['classify', image, '--clip', clip, '--text', ...texts, '--json'];
      const { code, out, note } = await cli(argv);
      // The tiny one has a head of 64 channels, as BLIP has: nothing but the file is needed.
      expect(code, note).toBe(0);
      answers.push(JSON.parse(out) as { text: string; probability: number; cosine: number }[]);
    }
    expect(answers[0]!.map(({ text }) => text)).toEqual(texts);
    expect(answers[0]!.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
    for (const [i, { cosine, probability }] of answers[1]!.entries()) {
      expect(cosine).toBe(answers[0]![i]!.cosine);
      // Hugging Face's file has no temperature: BLIP's first, 0.07, stands for it.
      expect(probability).toBeCloseTo(answers[0]![i]!.probability, 4);
    }
    const bare = path.join(fixtures.dir, 'bare.safetensors');
    await writeFile(bare, writeSafetensors(authorsBlip()));
    const { code, note } = await cli(['classify', image, '--clip', bare, '--text', ...texts]);
    expect(code).toBe(1);
    expect(note).toMatch(/--vocabulary: expected BERT's vocab\.txt/);
    const named = ['--vocabulary', path.join(blips.folder, 'vocab.txt')];
    const again = await cli(['classify', image, '--clip', bare, '--text', ...texts, '--json', ...named]);
    expect(JSON.parse(again.out)).toEqual(answers[0]);
  });

  test('weights info says what it is; a converted file gives the same answer', async () => {
    const { code, out, note } = await cli(['weights', 'info', blips.pth, '--json']);
    expect(code, note).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ encoder: 'blip', embedDim: 24, textLayers: 2, names: 'blip' });
    const converted = path.join(fixtures.dir, 'converted', 'blip.safetensors');
    const done = await cli(['weights', 'convert', blips.pth, converted]);
    expect(done.code, done.note).toBe(0);
    const ask = (clip: string) =>
      cli([
        'classify',
        image,
        '--clip',
        clip,
        '--text',
        ...texts,
        '--json',
        '--vocabulary',
        path.join(blips.folder, 'vocab.txt'),
      ]);
    expect((await ask(converted)).out).toBe((await ask(blips.pth)).out);
  });

  test('int8 matrices: a smaller file, nearly the same answer; f32 again the same as int8', async () => {
    const file = (name: string) => path.join(fixtures.dir, name, 'blip.safetensors');
    const convert = async (from: string, to: string, dtype: string) => {
      const { code, note } = await cli(['weights', 'convert', from, to, '--dtype', dtype]);
      expect(code, note).toBe(0);
      return (await stat(to)).size;
    };
    const ask = async (clip: string) => {
      const words = ['--vocabulary', path.join(blips.folder, 'vocab.txt')];
      const argv = ['classify', image, '--clip', clip, '--text', ...texts, '--json', ...words];
      const { code, out, note } = await cli(argv);
      expect(code, note).toBe(0);
      return (JSON.parse(out) as { cosine: number }[]).map(({ cosine }) => cosine);
    };
    const full = await convert(blips.pth, file('f32'), 'f32');
    expect(await convert(blips.pth, file('int8'), 'int8')).toBeLessThan(0.45 * full);
    expect(await convert(file('int8'), file('back'), 'f32')).toBeGreaterThan(0.9 * full);
    const [exact, int8, back] = [await ask(blips.pth), await ask(file('int8')), await ask(file('back'))];
    for (const [i, cosine] of int8.entries()) {
      expect(cosine).not.toBe(exact[i]);
      expect(Math.abs(cosine - exact[i]!)).toBeLessThan(0.02);
      expect(Math.abs(cosine - back[i]!)).toBeLessThan(1e-5);
    }
    const info = await cli(['weights', 'info', file('int8'), '--json']);
    expect(JSON.parse(info.out)).toMatchObject({ encoder: 'blip', embedDim: 24 });
    const plan = await cli(['train', '--dry-run', '--method', 'blip', '--clip', file('int8'), '--json']);
    expect(plan.code, plan.note).toBe(0);
  });

  test('train, detect and eval with the learnable pair; the written pair; what needs a CLIP says so', async () => {
    const { data, dir } = fixtures;
    const common = ['--clip', blips.folder, '--no-cache'];
    const run = path.join(dir, 'run');
    const training = [
      'train',
      '--method',
      'blip',
      '--data',
      data,
      ...common,
      '--out',
      run,
      '--epochs',
      '2',
      '--json',
    ];
    const trained = await cli(training);
    expect(trained.code, trained.note).toBe(0);
    const report = JSON.parse(trained.out) as { losses: number[] };
    expect(report.losses[1]).toBeLessThan(report.losses[0]!);
    const prompts = ['--prompts', path.join(run, 'prompts.safetensors')];
    const detected = await cli(['detect', image, ...common, ...prompts, '--json-lines']);
    expect(detected.code, detected.note).toBe(0);
    expect(JSON.parse(detected.out)).toMatchObject({ score: expect.any(Number) });
    for (const what of [prompts, ['--method', 'clip']]) {
      const evaluated = await cli(['eval', '--data', data, ...common, ...what, '--json', '-']);
      expect(evaluated.code, evaluated.note).toBe(0);
      expect(JSON.parse(evaluated.out)).toMatchObject({
        mean: { metrics: { imageAuroc: expect.any(Number) } },
      });
    }
    const wrong = await cli([
      'train',
      '--data',
      data,
      ...common,
      '--out',
      path.join(dir, 'w'),
      '--epochs',
      '1',
    ]);
    expect(wrong.code).toBe(1);
    expect(wrong.note).toMatch(/a CLIP's text encoder|BLIP/);
    const other = await cli([
      'train',
      '--method',
      'blip',
      '--data',
      data,
      '--clip',
      fixtures.clip,
      '--no-cache',
      '--out',
      path.join(dir, 'o'),
      '--epochs',
      '1',
    ]);
    expect(other.code).toBe(1);
    expect(other.note).toMatch(/expected a BLIP .*, found a CLIP/);
  });
});

test('a BLIP without contrastive heads, or with a part missing, is refused by name', async () => {
  const write = async (name: string, drop: (tensor: string) => boolean) => {
    const file = path.join(fixtures.dir, name);
    const kept = [...authorsBlip()].filter(([tensor]) => !drop(tensor));
    await writeFile(file, writeSafetensors(new Map(kept)));
    return file;
  };
  const captioning = await write('caption.safetensors', (name) => /_proj/.test(name));
  await expect(openClip(captioning)).rejects.toThrow(/no contrastive heads/);
  const half = await write('half.safetensors', (name) => name.endsWith('layer.1.attention.self.key.weight'));
  await expect(openClip(half)).rejects.toThrow(WeightsError);
  const short = await write('short.safetensors', (name) => name === 'visual_encoder.norm.bias');
  const { code, note } = await cli(['weights', 'info', short]);
  expect(code).toBe(1);
  expect(note).toMatch(/visual_encoder\.norm\.bias: expected shape \[64\]/);
});
