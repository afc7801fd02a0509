import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../src/data/synth/generate.node.ts';
import { cli, makeFixtures } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
const at = (...parts: string[]) => path.join(fixtures.dir, ...parts);
const sizes = { prompts: 2, patches: 4 };
const faprompt = { name: 'small', title: 'FAPrompt', method: 'faprompt', options: sizes };
const tiny = { name: 'cap', method: 'cap', options: sizes };

beforeAll(async () => {
  fixtures = await makeFixtures();
  await generate(at('other'), { seed: 2, imageSize: 32, classes: ['wood'], good: 3, defective: 3 });
});
afterAll(() => fixtures.remove());

/** Writes a configuration whose results go to `out`. */
async function configure(out: string, changes: object = {}): Promise<string> {
  const file = at(`${out}.json`);
  const config = {
    out,
    clips: ['clip.safetensors'],
    train: 'data',
    test: [{ name: 'wood', data: 'other', group: 'industrial' }],
    methods: [faprompt],
    seeds: [0, 1],
    epochs: 2,
    batch: 4,
    ...changes,
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}
const benchmark = (file: string, argv: string[] = [], io = {}) =>
  cli(['benchmark', file, '--cache', at('cache'), ...argv], io);

/** Every file of a folder that does not say when or how fast it was made. */
async function bits(folder: string): Promise<Record<string, string>> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.(safetensors|json|csv)$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
  const read = async (file: string) => {
    const text = (await readFile(file)).toString('latin1');
    return [path.relative(folder, file), text.replace(/"seconds": \{[^}]*\}/g, '')] as const;
  };
  return Object.fromEntries(await Promise.all(files.sort().map(read)));
}

describe('faprompt benchmark', () => {
  it('trains, evaluates, prints and writes tables, and does nothing twice', async () => {
    const file = await configure('whole', { methods: [faprompt, tiny] });
    const first = await benchmark(file);
    expect(first.code, first.note).toBe(0);
    expect(first.note).toContain('run 4 of 4: clip/cap/data-1');
    expect(first.note).toMatch(/clip\/small\/data-0: wood done; about .* left/);
    const row = first.out.split('\n').find((line) => line.startsWith('wood'))!;
    expect(row).toMatch(/^wood +\d+\.\d ± \d+\.\d, \d+\.\d ± \d+\.\d +\d+\.\d ± /);
    const before = await bits(at('whole'));
    const again = await benchmark(file, ['--format', 'markdown']);
    expect([again.code, again.note]).toEqual([0, '']);
    expect(again.out).toContain('| wood |');
    expect(await bits(at('whole'))).toEqual(before);
    const json = JSON.parse((await benchmark(file, ['--tables', '--json'])).out);
    expect(json.results).toHaveLength(4);
    expect(json.results[0]).toMatchObject({
      run: 'clip/small/data-0',
      test: 'wood',
      settings: { epochs: 2, batch: 4, seed: 0, precision: 'f32' },
      evaluation: { mean: { images: 6 } },
    });
  });

  it('gives the same bits when it is interrupted in training and in evaluation', async () => {
    const file = await configure('stopped');
    let interrupts = 0;
    // Stops each part of the work a moment after it began, until it gets no further.
    const onInterrupt = (stop: () => void) => {
      const timer = interrupts++ < 6 ? setTimeout(stop, 40) : undefined;
      return () => clearTimeout(timer);
    };
    let code = 130;
    let calls = 0;
    while (code === 130 && calls++ < 20) code = (await benchmark(file, [], { onInterrupt })).code;
    expect(code).toBe(0);
    expect(calls).toBeGreaterThan(1);
    const whole = await configure('unstopped');
    expect((await benchmark(whole)).code).toBe(0);
    const found = await bits(at('stopped'));
    for (const [name, text] of Object.entries(await bits(at('unstopped'))))
      if (!name.startsWith('tables.json')) expect(found[name], name).toBe(text);
  });

  it('makes by the planned commands what it makes alone', async () => {
    const file = await configure('planned', { methods: [tiny], seeds: [3] });
    const plan = await benchmark(file, ['--plan', '--json']);
    const { features, runs, tables } = JSON.parse(plan.out) as Record<string, string[]>;
    expect([features!.length, runs!.length, tables!.length]).toEqual([1, 1, 1]);
    const words = (command: string) => command.split(' ').slice(2);
    const outcome = await cli([...words(features![0]!), '--cache', at('cache2')]);
    expect(outcome.note).toContain('features of 15 images encoded, 0 were in the cache');
    const missing = await cli([...words(tables![0]!)]);
    expect([missing.code, missing.note]).toEqual([1, 'missing: clip/cap/data-3, wood\n']);
    for (const command of [...runs!, ...tables!]) {
      const { code, note } = await cli([...words(command), '--cache', at('cache2')]);
      expect(code, note).toBe(0);
    }
    expect((await benchmark(file, ['--plan', 'runs'])).out.trim()).toBe(runs![0]);
    expect((await benchmark(file, ['--plan'])).out).toMatch(/^# 1\. features\nnpx faprompt benchmark /);
  });

  it('refuses results of other settings, of other images, and damaged ones', async () => {
    const file = await configure('changed', { methods: [tiny], seeds: [0] });
    expect((await benchmark(file)).code).toBe(0);
    await configure('changed', { methods: [tiny], seeds: [0], batch: 2 });
    const other = await benchmark(file);
    expect(other.code).toBe(1);
    expect(other.note).toContain(path.join('clip', 'cap', 'data-0', 'wood.json'));
    expect(other.note).toContain('field settings.batch: expected 2');
    await configure('changed', { methods: [tiny], seeds: [0] });
    await writeFile(at('changed', 'clip', 'cap', 'data-0', 'wood.json'), '{"format": "x"}');
    const damaged = await benchmark(file, ['--tables']);
    expect([damaged.code, damaged.note]).toEqual([1, expect.stringContaining('field format')]);
  });

  it('says what is wrong on the command line', async () => {
    const file = await configure('usage');
    for (const [argv, message] of [
      [['--run', 'nothing'], '--run: expected one of clip/small/data-0, clip/small/data-1, found nothing'],
      [['--features', 'b'], '--features: expected one of clip, found b'],
      [['--plan', '--tables'], '--plan and --tables: expected one of them'],
    ] as const) {
      const { code, note } = await benchmark(file, [...argv]);
      expect([code, note.trim()]).toEqual([1, `error: ${message}`]);
    }
    const { note } = await benchmark(at('none.json'));
    expect(note).toContain('none.json: expected a readable file, found ENOENT');
    await writeFile(at('broken.json'), '{');
    expect((await benchmark(at('broken.json'))).note).toContain('broken.json: expected JSON');
  });
});
