// From scores to pass or fail: calibrate, detect with a threshold, --json-lines, --watch.
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { watchImages } from '../src/jobs/inputs.node.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let model: string[];
let untouched: string;
let prompts: string;
const out = (...parts: string[]) => path.join(fixtures.dir, ...parts);
const good = () => path.join(fixtures.data, 'weave', 'test', 'good');

interface Row {
  image: string;
  score: number;
  anomalous?: boolean;
  problem?: string;
}
const lines = (text: string): Row[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);

beforeAll(async () => {
  fixtures = await makeFixtures();
  const { clip, data } = fixtures;
  const cache = ['--cache', out('cache')];
  const argv = ['--data', data, '--clip', clip, '--out', out('run'), '--epochs', '1', ...cache];
  const { code, note } = await cli(['train', ...argv, ...tinyOptions]);
  expect(code, note).toBe(0);
  untouched = out('run', 'prompts.safetensors');
  prompts = out('calibrated.safetensors');
  model = ['--clip', clip, ...cache];
});
afterAll(() => fixtures.remove());

/** Scores of all images of the data set, by detect. */
async function allScores(): Promise<Row[]> {
  const argv = ['detect', path.join(fixtures.data, 'weave', 'test'), '--prompts', untouched, '--json-lines'];
  return lines((await cli([...argv, ...model])).out);
}

describe('calibrate', () => {
  test('from good images alone: just above them all, and what that promises', async () => {
    const scores = (await allScores())
      .filter(({ image }) => image.startsWith(good()))
      .map(({ score }) => score);
    expect(scores).toHaveLength(4);
    const before = await readFile(untouched);
    const argv = ['calibrate', '--good', good(), '--prompts', untouched, '--out', prompts];
    const { code, out: text, note } = await cli([...argv, '--json', ...model]);
    expect(code, note).toBe(0);
    const { threshold, ...rest } = JSON.parse(text) as { threshold: number };
    expect(threshold).toBeGreaterThan(Math.max(...scores));
    expect(threshold).toBeLessThan(Math.max(...scores) + 1e-9);
    expect(rest).toEqual({
      prompts,
      method: 'good',
      target: 0.01,
      good: 4,
      anomalous: 0,
      falsePositiveRate: 0,
      truePositiveRate: null,
      bound: 0.2,
    });
    expect(await readFile(untouched)).toEqual(before);
    const said = await cli([...argv, ...model]);
    expect(said.out).toContain(
      'warning: that is more than the 1.00% that was asked for; 99 good images are needed',
    );
  });

  test('from labelled images, at a rate or of the best F1, into the same file', async () => {
    const file = out('labelled.safetensors');
    await copyFile(untouched, file);
    const argv = ['calibrate', '--data', fixtures.data, '--prompts', file, '--json', ...model];
    const at = JSON.parse((await cli([...argv, '--false-positive-rate', '0.25'])).out) as Record<
      string,
      number
    >;
    expect(at).toMatchObject({
      method: 'labelled',
      target: 0.25,
      good: 4,
      anomalous: 5,
      falsePositiveRate: 0.25,
    });
    const rows = await allScores();
    const share = (rate: (row: Row) => boolean) => {
      const some = rows.filter(rate);
      return some.filter(({ score }) => score >= at.threshold!).length / some.length;
    };
    expect(share(({ image }) => image.startsWith(good()))).toBe(0.25);
    expect(share(({ image }) => !image.startsWith(good()))).toBe(at.truePositiveRate);
    const best = JSON.parse((await cli([...argv, '--best-f1'])).out) as Record<string, unknown>;
    expect(best).toMatchObject({ method: 'f1', target: null, prompts: file });
    // The file has the last one, and its learnables are as they were: detect takes it.
    const detected = await cli(['detect', good(), '--prompts', file, '--out', out('f1'), '--json', ...model]);
    expect(JSON.parse(detected.out)).toMatchObject({ threshold: best.threshold });
    expect([0, 2]).toContain(detected.code);
  });

  test.each([
    [['--good', 'x', '--data', 'y'], /one of them/],
    [[], /one of them/],
    [['--good', 'x', '--best-f1'], /--best-f1: expected --data/],
    [['--good', 'x', '--false-positive-rate', '1'], /share of at least 0 and below 1/],
  ])('%j: exit code 1 and a reason', async (options, reason) => {
    const { code, note } = await cli(['calibrate', '--prompts', untouched, ...options, ...model]);
    expect(code).toBe(1);
    expect(note).toMatch(reason);
  });

  test('an unreadable image is left out and said; without any other there is no threshold', async () => {
    const folder = out('mixed');
    await mkdir(folder);
    await writeFile(path.join(folder, 'bad.png'), 'no image');
    const file = out('mixed.safetensors');
    const argv = ['calibrate', '--good', folder, '--prompts', untouched, '--out', file, '--json', ...model];
    const none = await cli(argv);
    expect([none.code, none.out]).toEqual([1, '']);
    expect(none.note).toMatch(/at least one image that can be read, found none/);
    await copyFile(path.join(good(), '000.png'), path.join(folder, 'good.png'));
    const some = await cli(argv);
    expect(some.code).toBe(1);
    expect(some.note).toMatch(/skipped: .*bad\.png/);
    expect(JSON.parse(some.out)).toMatchObject({ good: 1, bound: 0.5 });
  });

  test('a damaged threshold in the file is an error that names it', async () => {
    const file = out('damaged.safetensors');
    const text = (await readFile(prompts)).toString('latin1');
    // Metadata are texts: JSON inside a JSON text.
    const damaged = text.replace('\\"threshold\\":', '\\"thresholt\\":');
    expect(damaged).not.toBe(text);
    await writeFile(file, damaged, 'latin1');
    const { code, note } = await cli(['detect', good(), '--prompts', file, '--out', out('x'), ...model]);
    expect(code).toBe(1);
    expect(note).toMatch(
      /damaged\.safetensors.*__metadata__\.threshold: an object with a `threshold` in \[0, 1\]/,
    );
  });
});

describe('detect with a threshold', () => {
  const detect = (...argv: string[]) => cli(['detect', ...argv, ...model]);

  test('pass: exit code 0, said per image', async () => {
    const { code, out: text } = await detect(good(), '--prompts', prompts, '--out', out('pass'));
    expect(code).toBe(0);
    expect(text.match(/ pass$/gm)).toHaveLength(4);
    expect(text).toMatch(/score >= 0\.\d{4}/);
    const scores = JSON.parse(await readFile(out('pass', 'scores.json'), 'utf8')) as {
      threshold: number;
      fails: number;
      images: Row[];
    };
    expect(scores.fails).toBe(0);
    expect(scores.images.every(({ anomalous }) => anomalous === false)).toBe(true);
  });

  test('fail: exit code 2; a threshold on the command line comes first; none: scores only', async () => {
    const fail = await detect(good(), '--prompts', prompts, '--out', out('fail'), '--threshold', '0');
    expect(fail.code).toBe(2);
    expect(fail.out.match(/ FAIL$/gm)).toHaveLength(4);
    for (const argv of [
      ['--prompts', prompts, '--no-threshold'],
      ['--prompts', untouched],
    ]) {
      const none = await detect(good(), ...argv, '--out', out('none'), '--json');
      expect(none.code).toBe(0);
      expect(JSON.parse(none.out)).not.toHaveProperty('threshold');
      expect((JSON.parse(none.out) as { images: Row[] }).images[0]).not.toHaveProperty('anomalous');
    }
  });

  test('an image that cannot be read is neither: exit code 1 although others fail', async () => {
    const argv = [good(), out('nothing.png'), '--prompts', prompts, '--threshold', '0', '--json-lines'];
    const { code, out: text } = await detect(...argv);
    expect(code).toBe(1);
    const rows = lines(text);
    expect(rows).toHaveLength(5);
    expect(rows.filter(({ anomalous }) => anomalous)).toHaveLength(4);
    expect(rows.at(-1)!.problem).toContain('nothing.png');
  });

  test('--json-lines prints nothing but lines, and needs no folder', async () => {
    const { code, out: text } = await detect(good(), '--prompts', prompts, '--json-lines');
    expect(code).toBe(0);
    const rows = lines(text);
    expect(rows.map(({ image }) => path.basename(image))).toEqual([
      '000.png',
      '001.png',
      '002.png',
      '003.png',
    ]);
    for (const row of rows)
      expect(Object.keys(row)).toEqual(['image', 'score', 'anomalous', 'mapMin', 'mapMax']);
  });

  test.each([
    [['--prompts', 'x', '--out', 'y'], /expected images, or --watch/],
    [['a.png', '--prompts', 'x', '--json', '--json-lines'], /expected one of them/],
    [['--watch', 'd', '--prompts', 'x', '--out', 'y', '--json'], /use --json-lines/],
    [['a.png', '--prompts', 'x', '--out', 'y', '--threshold', 'high'], /Expected a number/],
  ])('%j: exit code 1 and a reason', async (argv, reason) => {
    const { code, note } = await detect(...argv);
    expect(code).toBe(1);
    expect(note).toMatch(reason);
  });
});

describe('--watch', () => {
  test('new images, complete ones only, a changed one again; not those from before', async () => {
    const dir = out('inbox');
    await mkdir(dir);
    await writeFile(path.join(dir, 'old.png'), 'old');
    const stop = new AbortController();
    const batches = await watchImages(dir, { interval: 20, signal: stop.signal });
    const next = async () => ((await batches.next()).value ?? []).map(({ file }) => path.basename(file));
    const first = next();
    await writeFile(path.join(dir, 'notes.txt'), '');
    await writeFile(path.join(dir, '.hidden.png'), '');
    const growing = path.join(dir, 'a.png');
    for (let i = 1; i <= 10; i++) {
      await writeFile(growing, 'x'.repeat(i));
      await new Promise((done) => setTimeout(done, 10));
    }
    expect(await first).toEqual(['a.png']);
    await writeFile(growing, 'written anew');
    expect(await next()).toEqual(['a.png']);
    await rm(growing);
    await writeFile(path.join(dir, 'b.jpg'), 'b');
    expect(await next()).toEqual(['b.jpg']);
    const last = batches.next();
    stop.abort();
    expect(await last).toEqual({ done: true, value: undefined });
  });

  test('prints a line per image until interrupted; an unreadable one does not end it', async () => {
    const dir = out('line');
    await mkdir(dir);
    const printed: string[] = [];
    let interrupt = () => {};
    let watching = () => {};
    const ready = new Promise<void>((resolve) => {
      watching = resolve;
    });
    const running = cli(
      ['detect', '--watch', dir, '--interval', '20', '--prompts', prompts, '--json-lines', ...model],
      {
        out: (text) => printed.push(text),
        note: (text) => (text.startsWith('watching') ? watching() : undefined),
        onInterrupt(stop) {
          interrupt = stop;
          return () => {};
        },
      },
    );
    await ready;
    const arrive = async (name: string, from?: string) => {
      const file = path.join(dir, `${name}.tmp`);
      if (from) await copyFile(from, file);
      else await writeFile(file, 'no image');
      await rename(file, path.join(dir, name));
      const before = printed.length;
      while (printed.length === before) await new Promise((done) => setTimeout(done, 10));
    };
    await arrive('1.png', path.join(good(), '000.png'));
    await arrive('2.png');
    await arrive('3.png', path.join(good(), '001.png'));
    interrupt();
    expect((await running).code).toBe(1);
    const rows = printed.flatMap(lines);
    expect(rows.map(({ image }) => path.basename(image))).toEqual(['1.png', '2.png', '3.png']);
    expect(rows.map(({ anomalous }) => anomalous)).toEqual([false, undefined, false]);
    expect(rows[1]!.problem).toContain('2.png');
  });
});

describe('eval', () => {
  test('rows per kind of defect, and confidence intervals that a seed repeats', async () => {
    const argv = ['eval', '--data', fixtures.data, '--prompts', untouched, ...model];
    const json = async (...more: string[]) => {
      const { code, out: text, note } = await cli([...argv, '--json', '-', ...more]);
      expect(code, note).toBe(0);
      return JSON.parse(text) as {
        classes: { anomalies: number; defects: { name: string; anomalies: number }[] }[];
        mean: { intervals?: Record<string, { low: number; high: number }> };
      };
    };
    const plain = await json();
    expect(plain.mean.intervals).toBeUndefined();
    const [weave] = plain.classes;
    expect(weave!.defects.map(({ anomalies }) => anomalies).reduce((a, b) => a + b)).toBe(weave!.anomalies);
    const bootstrap = ['--bootstrap', '50', '--seed', '3'];
    const first = await json(...bootstrap);
    expect(await json(...bootstrap)).toEqual(first);
    const { low, high } = first.mean.intervals!.pixelAuroc!;
    expect(low).toBeLessThan(high);
    const narrow = (await json(...bootstrap, '--confidence', '0.5')).mean.intervals!.pixelAuroc!;
    expect(narrow.high - narrow.low).toBeLessThan(high - low);
    const table = await cli([...argv, '--defects', ...bootstrap]);
    for (const { name } of weave!.defects) expect(table.out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    expect(table.out).toMatch(/\d\.\d{4} \[\d\.\d{4}, \d\.\d{4}\]/);
    expect(table.out).not.toContain('px AP');
    const [head] = (await cli([...argv, '--all-metrics'])).out.split('\n');
    expect(head).toMatch(/img AUROC +img AP +img F1 +px AUROC +px AP +px F1 +PRO +PRO \(MVTec\) +IoU$/);
  });
});
