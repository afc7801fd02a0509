// faprompt prompts: cosines of prompts and their picture (the paper's figure 1).
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../src/base/random.ts';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { likeness, pairwiseCosines } from '../src/model/faprompt/prompt-embeddings.ts';
import type { Method } from '../src/model/methods/method.ts';
import { namedMethods } from '../src/model/methods/named.ts';
import { withOptions } from '../src/model/methods/parse.ts';
import { readPrompts, writePrompts } from '../src/model/methods/prompts-file.ts';
import { embeddingPlot, fewestPoints, placesOf } from '../src/report/embedding-plot.ts';
import { cli, makeFixtures, tinyConfig, tinyOptions } from './train-fixtures.ts';

const unit = (values: readonly number[]) => {
  const norm = Math.hypot(...values);
  return Float32Array.from(values, (x) => x / norm);
};

describe('likeness', () => {
  test('cosines of vectors whose angles are known', () => {
    const angle = (degrees: number) =>
      unit([Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]);
    const given = { normal: angle(180), abnormal: [angle(0), angle(60), angle(90)] };
    const { mean, smallest, largest, withNormal } = likeness(given);
    const r = Math.sqrt(3) / 2;
    expect(mean).toBeCloseTo((0.5 + 0 + r) / 3, 6);
    expect(smallest).toBeCloseTo(0, 6);
    expect(largest).toBeCloseTo(r, 6);
    expect(withNormal).toBeCloseTo((-1 - 0.5 + 0) / 3, 6);
    expect(likeness({ ...given, abnormal: [angle(0)] })).toMatchObject({ mean: null, withNormal: -1 });
    expect(pairwiseCosines([angle(0), angle(60)])[1]![0]).toBeCloseTo(0.5, 6);
  });
});

describe('UMAP', () => {
  const random = createRandom(11);
  /** Six copies each, but for a little noise, of three directions. */
  const vectors = Array.from({ length: 18 }, (_, i) =>
    unit(Array.from({ length: 8 }, (_, d) => (d === i % 3 ? 1 : 0) + 0.02 * random.normal())),
  );

  test('what is alike lies together, and the same seed gives the same places', () => {
    const places = placesOf(vectors, 5);
    expect(placesOf(vectors, 5)).toEqual(places);
    expect(placesOf(vectors, 6)).not.toEqual(places);
    const centre = (group: number) => {
      const own = places.filter((_, i) => i % 3 === group);
      return [0, 1].map((d) => own.reduce((sum, at) => sum + at[d]!, 0) / own.length) as [number, number];
    };
    const centres = [0, 1, 2].map(centre);
    for (const [i, at] of places.entries()) {
      const distances = centres.map((c) => Math.hypot(at[0] - c[0], at[1] - c[1]));
      expect(distances.indexOf(Math.min(...distances)), `${i}`).toBe(i % 3);
    }
    expect(() => placesOf(vectors.slice(0, fewestPoints - 1))).toThrow(RangeError);
  });

  test('the picture has a mark and a label for each', async () => {
    const points = placesOf(vectors).map(([x, y], i) => ({
      x,
      y,
      label: `p${i}`,
      group: `g${i % 3} <&>`,
      kind: 'abnormal',
    }));
    const svg = await embeddingPlot(points, 'Prompts');
    expect(svg).toMatch(/^<svg /);
    for (const { label } of points) expect(svg).toContain(`>${label}</text>`);
    expect(svg).not.toContain('<&>');
  });
});

describe('the command', () => {
  let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
  let run: string;
  let image: string;
  const out = (...parts: string[]) => path.join(fixtures.dir, ...parts);
  const read = async (folder: string) =>
    JSON.parse(await readFile(out(folder, 'prompts.json'), 'utf8')) as {
      prompts: { mean: number; cosines: number[][]; images?: { image: string; cosines: number[][] }[] }[];
      picture: { label: string; group: string; kind: string; x: number; y: number }[];
    };
  beforeAll(async () => {
    fixtures = await makeFixtures();
    const given = ['--data', fixtures.data, '--clip', fixtures.clip, '--no-cache', '--epochs', '1'];
    const argv = ['train', ...given, '--out', out('run'), ...tinyOptions];
    const { code, note } = await cli(argv);
    expect(code, note).toBe(0);
    run = out('run', 'prompts.safetensors');
    const meta = JSON.parse(await readFile(path.join(fixtures.data, 'meta.json'), 'utf8')) as {
      test: Record<string, { img_path: string }[]>;
    };
    image = path.join(fixtures.data, Object.values(meta.test)[0]![0]!.img_path);
  });
  afterAll(() => fixtures.remove());

  test('cosines as a table, a picture from a seed, and the prompts of an image', async () => {
    const argv = ['prompts', run, '--clip', fixtures.clip, '--no-cache', '--images', image];
    const { code, out: said, note } = await cli([...argv, '--out', out('a')]);
    expect(code, note).toBe(0);
    expect(said).toMatch(/cosine +n +1 +2\n/);
    const found = await read('a');
    const [own] = found.prompts;
    expect(own!.cosines).toHaveLength(3);
    for (const [i, row] of own!.cosines.entries()) {
      expect(row[i]).toBeCloseTo(1, 5);
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo(own!.cosines[j]![i]!, 6);
    }
    expect(own!.mean).toBe(own!.cosines[1]![2]);
    const [adapted] = own!.images!;
    expect(adapted!.image).toBe(image);
    expect(adapted!.cosines[1]![2]).not.toBe(own!.cosines[1]![2]);
    expect(found.picture.map(({ label }) => label)).toEqual(['n', '1', '2', '1', '2']);
    for (const { x, y } of found.picture) expect(Number.isFinite(x) && Number.isFinite(y)).toBe(true);
    await cli([...argv, '--out', out('b')]);
    expect((await readFile(out('b', 'prompts.svg'))).equals(await readFile(out('a', 'prompts.svg')))).toBe(
      true,
    );
  });

  test('prompts that are copies have a cosine of 1', async () => {
    const file = await readSafetensors(bytesSource(run, await readFile(run)));
    const prompts = await readPrompts(file, tinyConfig);
    const own = prompts.learnables.get('ctx_neg')!;
    const same = own.slice();
    same.copyWithin(same.length / 2, 0, same.length / 2);
    const learnables = new Map([...prompts.learnables, ['ctx_neg', same]]);
    await writeFile(out('copies.safetensors'), writePrompts({ ...prompts, learnables }, tinyConfig));
    const argv = ['prompts', run, out('copies.safetensors'), '--clip', fixtures.clip, '--json'];
    const { code, out: said, note } = await cli(argv);
    expect(code, note).toBe(0);
    const [diverse, copies] = (JSON.parse(said) as { prompts: { mean: number }[] }).prompts;
    expect(copies!.mean).toBeCloseTo(1, 5);
    expect(diverse!.mean).toBeLessThan(0.999);
  });

  test('other prompts, and images without a prior, are refused; three prompts make no picture', async () => {
    const few = await cli(['prompts', run, '--clip', fixtures.clip, '--out', out('few')]);
    expect(few.code, few.note).toBe(0);
    expect(few.note).toContain('no picture: 3 prompts');
    const prompts = await readPrompts(
      await readSafetensors(bytesSource(run, await readFile(run))),
      tinyConfig,
    );
    const refused = async (name: string, method: Method, ...more: string[]) => {
      const names = [...(method.learning?.shapes(tinyConfig).keys() ?? [])];
      const learnables = new Map(names.map((each) => [each, prompts.learnables.get(each)!]));
      await writeFile(out(name), writePrompts({ ...prompts, method, learnables }, tinyConfig));
      const { code, note } = await cli(['prompts', out(name), '--clip', fixtures.clip, ...more]);
      expect(code).toBe(1);
      return note;
    };
    expect(await refused('pair.safetensors', namedMethods.get('pair')!)).toMatch(
      /expected prompts of FAPrompt and its kin, found one pair/,
    );
    const fail = (field: string) => {
      throw new Error(field);
    };
    const plain = withOptions(prompts.method, { prior: false }, fail);
    expect(await refused('plain.safetensors', plain, '--images', image)).toMatch(
      /--images: expected prompts with a prior/,
    );
  });
});
