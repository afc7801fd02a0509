// Detection without training: hand-written prompts in detect, calibrate and classify, and what is chosen unasked.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoPhotos, lookAtPhotos } from '../src/cli/demo-photos.ts';
import type { RgbImage } from '../src/data/image.ts';
import { generate } from '../src/data/synth/generate.node.ts';
import { anomalousExit } from '../src/jobs/detect.ts';
import { bestWritten, writtenMethods } from '../src/model/methods/named.ts';
import { testGpu } from './gpu.ts';
import { cli } from './train-fixtures.ts';

const small = 'weights/small-clip.safetensors';
let root = '';
let image = '';
let good = '';
const out = (name: string) => path.join(root, name);
beforeAll(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'faprompt-methods-'));
  const sizes = { imageSize: 64, good: 2, defective: 1, seed: 1 };
  await generate(out('data'), { ...sizes, classes: ['tablet'], defects: ['crack'] });
  image = out('data/tablet/test/crack/000.png');
  good = out('data/tablet/test/good');
  expect((await cli(['weights', 'random', out('other.safetensors'), '--seed', '3'])).code).toBe(0);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const lines = (...more: string[]) => cli(['detect', image, '--json-lines', '--no-cache', ...more]);
const scoreOf = ({ out: text }: { out: string }) => (JSON.parse(text) as { score: number }).score;

describe('detect without trained prompts', () => {
  test('the small CLIP takes the prompts that ship with it, and says so', async () => {
    const own = await lines('--clip', small);
    expect(own.code).toBe(0);
    expect(own.note).toContain('the prompts that ship with the small CLIP');
    const named = await lines('--clip', small, '--prompts', 'weights/small-prompts.safetensors');
    expect(named.note).not.toContain('ship');
    expect(scoreOf(own)).toBe(scoreOf(named));
  });

  test('the prompts that ship carry a limit for drawings: pass and fail by the exit code; a note for photographs', async () => {
    const sizes = { imageSize: 96, good: 2, defective: 2, seed: 3 };
    await generate(out('leather'), { ...sizes, classes: ['leather'], defects: ['burn'] });
    const look = (kind: string) =>
      cli(['detect', out(`leather/leather/test/${kind}`), '--clip', 'small', '--json-lines', '--no-cache']);
    const [fine, burnt] = [await look('good'), await look('burn')];
    expect(fine.code, fine.out).toBe(0);
    expect(burnt.code, burnt.out).toBe(anomalousExit);
    expect(fine.note).toMatch(/pass and fail hold for drawings.*for photographs, calibrate/);
    for (const line of fine.out.trim().split('\n')) expect(JSON.parse(line).anomalous).toBe(false);
  });

  test('--clip small is the CLIP that ships', async () => {
    expect(scoreOf(await lines('--clip', 'small'))).toBe(scoreOf(await lines('--clip', small)));
    const list = JSON.parse((await cli(['weights', 'list', '--json'])).out) as {
      name: string;
      path: string;
    }[];
    expect(list[0]).toMatchObject({ name: 'small', path: path.resolve(small) });
    expect(list[1]).toMatchObject({
      name: 'photos',
      licence: 'MIT',
      path: path.resolve('weights/photo-clip.safetensors'),
    });
  });

  test('--clip photos is the CLIP for photographs, with hand-written prompts that name an object', async () => {
    const unasked = await lines('--clip', 'photos');
    expect(unasked.code, unasked.note).toBe(0);
    expect(unasked.note).toMatch(new RegExp(`no --prompts and no --method: .*--method ${bestWritten}`));
    const named = await lines('--clip', 'photos', '--object', 'tablet');
    expect(scoreOf(named)).not.toBe(scoreOf(unasked));
    const refused = await lines('--clip', 'photos', '--prompts', 'weights/small-prompts.safetensors');
    expect(refused.code).toBe(1);
  });

  test('the demo finds the defects that were painted onto its photographs', async () => {
    const io = {
      out() {},
      note() {},
      terminal: false,
      openGpu: async () => ({ ...(await testGpu()), close() {} }),
      onInterrupt: () => () => {},
    };
    const found = await lookAtPhotos(io, 'photos', { cache: false, cachePrecision: 'f32' });
    expect(found.map(({ name }) => name)).toEqual(demoPhotos.map(({ name }) => name));
    for (const { score, tiles } of found) {
      expect(score).toBeGreaterThan(0.5);
      const [image, truth, heat] = tiles as [RgbImage, RgbImage, RgbImage];
      expect([truth.width, heat.width]).toEqual([image.width, image.width]);
      // Warm colours where it is damaged: more red against blue than elsewhere, compared with the photograph.
      const warmth = (inside: boolean) => {
        let [sum, count] = [0, 0];
        for (let i = 0; i < truth.data.length; i += 3)
          if (truth.data[i]! > 0 === inside) {
            sum += heat.data[i]! - image.data[i]! - (heat.data[i + 2]! - image.data[i + 2]!);
            count += 1;
          }
        return sum / count;
      };
      expect(warmth(true)).toBeGreaterThan(warmth(false) + 20);
    }
  });

  test('another CLIP takes the best hand-written method, and says so', async () => {
    const clip = ['--clip', out('other.safetensors')];
    const unasked = await lines(...clip);
    expect(unasked.code).toBe(0);
    expect(unasked.note).toMatch(new RegExp(`no --prompts and no --method: .*--method ${bestWritten}`));
    const named = await lines(...clip, '--method', bestWritten);
    expect(named.note).not.toContain('no --method');
    expect(scoreOf(unasked)).toBe(scoreOf(named));
    expect(writtenMethods.map(({ name }) => name)).toContain(bestWritten);
  });

  test('--object changes what the prompts say; results name the method', async () => {
    const object = (name: string) => lines('--clip', small, '--method', 'pair', '--object', name);
    const [tablet, knit] = [await object('tablet'), await object('knit')];
    expect(scoreOf(tablet)).not.toBe(scoreOf(knit));
    await cli(['detect', image, '--no-cache', '--clip', small, '--method', 'pair', '--out', out('found')]);
    const found = JSON.parse(await readFile(out('found/scores.json'), 'utf8'));
    expect(found).toMatchObject({ method: 'pair', images: [{ image }] });
    expect(found.prompts).toBeUndefined();
  });

  test.each([
    [['--prompts', 'weights/small-prompts.safetensors', '--method', 'pair'], /--method: not with --prompts/],
    [
      ['--prompts', 'weights/small-prompts.safetensors', '--image-size', '64'],
      /--image-size: not with --prompts/,
    ],
    [['--method', 'faprompt'], /Allowed choices/],
    [['--method', 'pair', '--image-size', '65'], /--image-size: .*multiple/],
  ])('%j: refused', async (options, message) => {
    const { code, note } = await lines('--clip', small, ...options);
    expect(code).toBe(1);
    expect(note).toMatch(message);
  });
});

test('calibrate stores a method with its threshold, and detect takes the file', async () => {
  const given = ['--clip', small, '--method', 'pair', '--object', 'tablet', '--no-cache'];
  const calibrate = ['calibrate', ...given, '--good', good];
  const nowhere = await cli(calibrate);
  expect(nowhere.code).toBe(1);
  expect(nowhere.note).toContain('--out FILE');
  const file = out('pair.safetensors');
  const { code, out: said } = await cli([...calibrate, '--out', file, '--json']);
  expect(code).toBe(0);
  const { threshold } = JSON.parse(said) as { threshold: number };
  const found = await lines('--clip', small, '--prompts', file);
  const { score, anomalous } = JSON.parse(found.out) as { score: number; anomalous: boolean };
  expect(score).toBe(scoreOf(await lines('--clip', small, '--method', 'pair', '--object', 'tablet')));
  expect(anomalous).toBe(score >= threshold);
  expect(found.code).toBe(anomalous ? 2 : 0);
});

test('classify by a method: its image score', async () => {
  const given = ['--clip', small, '--method', 'pair', '--object', 'tablet'];
  const { code, out: text } = await cli(['classify', image, ...given, '--json']);
  expect(code).toBe(0);
  const score = scoreOf(await lines(...given));
  expect(JSON.parse(text)).toEqual([
    { text: 'normal', probability: 1 - score },
    { text: 'anomalous', probability: score },
  ]);
  expect((await cli(['classify', image, '--clip', small])).note).toMatch(/--text TEXTS .* or --method/);
  expect((await cli(['classify', image, '--clip', small, '--text', 'a', 'b', '--object', 'x'])).note).toMatch(
    /--object: only with --method/,
  );
});
