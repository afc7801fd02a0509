import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Detector } from '../src/detector/index.node.ts';
import { describe as describePrompts } from '../src/model/faprompt/per-prompt.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
const at = (...parts: string[]) => path.join(fixtures.dir, ...parts);
beforeAll(async () => {
  fixtures = await makeFixtures();
});
afterAll(() => fixtures.remove());

const common = () => ['--clip', fixtures.clip, '--no-cache'];
const train = (name: string, ...options: string[]) =>
  cli([
    ...['train', '--data', fixtures.data, ...common(), '--out', at(name), '--epochs', '1', '--seed', '1'],
    ...options,
  ]);

test('contributions add up to the cosine with the prototype', () => {
  const abnormal = [Float32Array.of(2, 0), Float32Array.of(0, 1), Float32Array.of(1, 1)];
  const image = Float32Array.of(0.6, 0.8);
  const found = describePrompts(image, Float32Array.of(0, 3), abnormal, 0.5);
  const prototype = [3 / Math.hypot(3, 2), 2 / Math.hypot(3, 2)];
  const sum = found.reduce((total, { contribution }) => total + contribution, 0);
  expect(sum).toBeCloseTo(0.6 * prototype[0]! + 0.8 * prototype[1]!, 6);
  expect(found[1]!.probability).toBeCloseTo(0.5, 6); // along the normal feature
  expect(found[0]!.probability).toBeCloseTo(1 / (1 + Math.exp((0.8 - 0.6) / 0.5)), 6);
});

test('detect --per-prompt: a picture, and a row for every prompt', async () => {
  await train('run', ...tinyOptions);
  const detect = (prompts: string, ...more: string[]) =>
    cli(['detect', fixtures.data, ...common(), '--prompts', at(prompts, 'prompts.safetensors'), ...more]);
  const out = at('found');
  const { code } = await detect('run', '--per-prompt', '--out', out);
  expect(code).toBe(0);
  const { images } = JSON.parse(await readFile(path.join(out, 'scores.json'), 'utf8'));
  // The library sees the same, and does not go on seeing it unasked.
  const detector = await Detector.load({ clip: fixtures.clip, prompts: at('run', 'prompts.safetensors') });
  expect(detector.info.prompts!.abnormalities).toBe(2);
  const each = await detector.detect(images[0].image, { perPrompt: true });
  expect(each.score).toBe(images[0].score);
  for (const [k, { contribution, probability, map }] of each.prompts!.entries()) {
    const expected = images[0].prompts[k];
    expect([contribution, probability]).toEqual([expected.contribution, expected.probability]);
    expect(Math.max(...map.data)).toBe(expected.mapMax);
    expect([map.width, map.height]).toEqual([each.map.width, each.map.height]);
  }
  expect(await detector.detect(images[0].image)).not.toHaveProperty('prompts');
  expect(images.length).toBeGreaterThan(5);
  for (const { prompts, promptsPicture } of images) {
    expect(prompts).toHaveLength(2);
    for (const { contribution, probability, mapMax } of prompts) {
      expect(Math.abs(contribution)).toBeLessThan(1);
      expect(probability > 0 && probability < 1 && mapMax > 0 && mapMax < 1).toBe(true);
    }
    expect((await readFile(path.join(out, promptsPicture))).subarray(1, 4).toString()).toBe('PNG');
  }
  // Its own pictures it may write anew.
  expect((await detect('run', '--per-prompt', '--out', out)).code).toBe(0);
  await train('pair', ...tinyOptions, '--prompts', '1');
  const refused = await detect('pair', '--per-prompt', '--out', at('none'));
  expect([refused.code, refused.note]).toEqual([
    1,
    expect.stringMatching(/--per-prompt: expected prompts of FAPrompt/),
  ]);
  expect((await detector.setPrompts(at('pair', 'prompts.safetensors'))).prompts).not.toHaveProperty(
    'abnormalities',
  );
  await expect(detector.detect(images[0].image, { perPrompt: true })).rejects.toMatchObject({
    kind: 'bad-option',
    message: expect.stringMatching(/^perPrompt: expected prompts of FAPrompt/),
  });
  detector.close();
});
