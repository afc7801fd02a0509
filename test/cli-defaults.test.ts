// What commands do where little is said: the CLIP and the prompts that ship, scores without files.
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verdictTable } from '../src/jobs/verdict-table.ts';
import { cli, makeFixtures } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
const at = (...names: string[]) => path.join(fixtures.dir, ...names);
beforeAll(async () => {
  fixtures = await makeFixtures();
  const drawn = await cli([
    ...['synth', at('drawn'), '--classes', 'nut', '--seed', '3', '--image-size', '64'],
    ...['--good', '2', '--defective', '2'],
  ]);
  expect(drawn.code).toBe(0);
});
afterAll(() => fixtures.remove());

const shipped = [
  '--clip',
  'weights/small-clip.safetensors',
  '--prompts',
  'weights/small-prompts.safetensors',
];

test('detect IMAGES: the CLIP and the prompts that ship, scores alone', async () => {
  const images = at('drawn', 'nut', 'test');
  const { out, note } = await cli(['detect', images, '--no-threshold', '--no-cache']);
  expect(note).toMatch(/the prompts that ship with the small CLIP/);
  expect(out).toMatch(/--out DIR writes heat maps/);
  const named = await cli(['detect', images, ...shipped, '--no-threshold', '--out', at('out'), '--no-cache']);
  const scores = (text: string) => [...text.matchAll(/^(\S+\.png) +(0\.\d{4}) /gm)].map((line) => line[0]);
  expect(scores(out)).toHaveLength(4);
  expect(scores(out)).toEqual(scores(named.out));
});

test('eval --data DIR: the same prompts, named in the result', async () => {
  const data = ['--data', at('drawn'), '--json', '-', '--no-cache'];
  const [unnamed, named] = await Promise.all([cli(['eval', ...data]), cli(['eval', ...data, ...shipped])]);
  expect(unnamed.code).toBe(0);
  const [a, b] = [unnamed, named].map(({ out }) => JSON.parse(out));
  expect(a.mean).toEqual(b.mean);
  expect(a.clip).toBe('small');
  expect(path.resolve(a.prompts)).toBe(path.resolve(b.prompts));
});

test('a table shows on which side of the threshold a score is, in as many digits as that takes', () => {
  const row = (image: string, score: number, anomalous: boolean) => ({
    ...{ image, score, anomalous },
    ...{ mapMin: 0, mapMax: 1 },
  });
  const threshold = 0.92909312;
  expect(verdictTable([row('a', 0.5, false), row('b', 0.95, true)], threshold)).toBe(
    [
      'image   score  map min  map max  score >= 0.9291',
      'a      0.5000   0.0000   1.0000             pass',
      'b      0.9500   0.0000   1.0000             FAIL',
    ].join('\n'),
  );
  expect(verdictTable([row('a', 0.92907, false), row('b', 0.92909312, true)], threshold)).toBe(
    [
      'image    score  map min  map max  score >= 0.92909',
      'a      0.92907   0.0000   1.0000              pass',
      'b      0.92909   0.0000   1.0000              FAIL',
    ].join('\n'),
  );
});
