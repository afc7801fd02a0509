// SECURITY.md: text from files reaches a terminal, a table or a shell only as text.
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { visible, visibleJson, visibleLines } from '../src/base/text.ts';
import { formatTables } from '../src/benchmark/format.ts';
import { shellWord } from '../src/benchmark/runs.ts';
import type { Table } from '../src/benchmark/tables.ts';
import { countClasses } from '../src/data/check.ts';
import { alignColumns } from '../src/eval/index.ts';
import { WeightsError } from '../src/formats/errors.ts';
import { readSafetensors, writeSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { randomClipWeights } from '../src/model/clip/random.ts';
import { wordListMetadata } from '../src/model/clip/tokenizer/tokenizer.ts';
import { type Node, torchFile } from './torch-file.ts';
import { cli, makeFixtures, tinyConfig, tinyOptions } from './train-fixtures.ts';

/** Clears the screen, sets the title, turns the text around, returns to the line's start, forges a row. */
const evil = '\u001b[2J\u001b]0;owned\u0007 \u009b31m \u202egnp.\u2066 \r\nforged.png  0.0001  pass';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const raw = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const forged = /^forged\.png/m;

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let prompts: string;
const at = (...parts: string[]) => path.join(fixtures.dir, ...parts);

beforeAll(async () => {
  fixtures = await makeFixtures();
  const { clip, data } = fixtures;
  const trained = await cli([
    ...['train', '--data', data, '--clip', clip, '--out', at('run')],
    ...['--epochs', '1', '--no-cache', ...tinyOptions],
  ]);
  expect(trained.code, trained.note).toBe(0);
  prompts = at('run', 'prompts.safetensors');
});
afterAll(() => fixtures.remove());

const expectHarmless = ({ out, note }: { out: string; note: string }, from: string) => {
  for (const [stream, text] of Object.entries({ out, note })) {
    expect(text, `${from}: ${stream}`).not.toMatch(raw);
    expect(text, `${from}: ${stream}`).not.toMatch(forged);
  }
  expect(out + note, from).toContain('\\u001b[2J');
};

describe('no text from files acts on a terminal', () => {
  test('file names, in every form of output', async () => {
    const dir = at('names');
    await mkdir(dir);
    const image = path.join(dir, `${evil.replaceAll('/', '_')}.png`);
    await cp(path.join(fixtures.data, 'weave', 'test', 'good', '000.png'), image);
    await writeFile(path.join(dir, `broken ${evil}.png`), 'not an image');
    const model = ['--clip', fixtures.clip, '--prompts', prompts, '--no-cache', '--out', at('out')];
    for (const form of [[], ['--json'], ['--json-lines']]) {
      const result = await cli(['detect', dir, ...form, ...model]);
      expect(result.code).toBe(1);
      expectHarmless(result, `detect ${form}`);
      if (form[0] === '--json') {
        const { images } = JSON.parse(result.out) as { images: { image: string }[] };
        expect(images.map((row) => row.image)).toEqual([image]);
      }
    }
    expect(await readFile(at('out', 'scores.json'), 'utf8')).not.toMatch(raw);
  });

  test('classes and defects of a data set', async () => {
    const dir = at('classes', `class ${evil.replaceAll('/', '_')}`);
    await mkdir(path.dirname(dir));
    await cp(path.join(fixtures.data, 'weave'), dir, { recursive: true });
    expectHarmless(await cli(['data', 'check', path.dirname(dir)]), 'data check');
    expectHarmless(await cli(['data', 'check', path.dirname(dir), '--json']), 'data check --json');
    const model = ['--clip', fixtures.clip, '--prompts', prompts, '--no-cache'];
    expectHarmless(await cli(['eval', '--data', path.dirname(dir), ...model]), 'eval');
  });

  test("a CLIP's notice and metadata", async () => {
    const clip = at('notice.safetensors');
    const metadata = { ...wordListMetadata(['.', 'object', 'damaged']), notice: evil };
    await writeFile(clip, writeSafetensors(randomClipWeights(tinyConfig, 1), metadata));
    const image = path.join(fixtures.data, 'weave', 'test', 'good', '000.png');
    expectHarmless(await cli(['weights', 'info', clip]), 'info');
    expectHarmless(await cli(['classify', image, '--clip', clip, '--text', 'damaged', 'object']), 'classify');
    const model = ['--clip', clip, '--prompts', prompts, '--allow-other-clip', '--no-cache'];
    expectHarmless(await cli(['detect', image, '--json-lines', ...model]), 'detect');
    await writeFile(clip, writeSafetensors(randomClipWeights(tinyConfig, 1), { activation: evil }));
    expectHarmless(await cli(['weights', 'info', clip]), 'metadata');
  });

  test("a pickle's globals and names of tensors", async () => {
    const root: Node = new Map<string, Node>([
      ['x', { global: `evil.${evil.replaceAll('\n', ' ')}`, attributes: new Map() }],
    ]);
    const file = at('evil.pt');
    await writeFile(file, torchFile(root));
    expectHarmless(await cli(['weights', 'info', file]), 'global');
    const tensor = { dtype: 'F32', shape: [1], data: new Float32Array(1) } as const;
    await writeFile(
      at('tensor.safetensors'),
      writeSafetensors(randomClipWeights(tinyConfig, 1).set(evil, tensor)),
    );
    expectHarmless(await cli(['weights', 'info', at('tensor.safetensors')]), 'tensor');
  });

  test('arguments', async () => {
    expectHarmless(await cli(['data', 'check', 'x', `--${evil}`]), 'option');
    expectHarmless(await cli(['data', 'check', evil]), 'folder');
    expectHarmless(await cli(['weights', 'info', evil]), 'file');
  });

  test('errors of the library, tables and JSON', () => {
    expect(new WeightsError({ file: evil, tensor: evil, expected: evil, found: evil }).message).toBe(
      visible(new WeightsError({ file: evil, tensor: evil, expected: evil, found: evil }).message),
    );
    expect(alignColumns([['name'], [evil]]).split('\n')).toHaveLength(2);
    expect(visibleLines('a\nb\u001b')).toBe('a\nb\\u001b');
    expect(JSON.parse(visibleJson({ [evil]: evil }))).toEqual({ [evil]: evil });
  });
});

describe('no text from files is a formula, a link or a command', () => {
  const names = ['=HYPERLINK("http://x","y")', '+1+1', '-1+1', '@SUM(A1)', '\t=1', evil];
  const table = (name: string): Table =>
    ({
      title: name,
      clip: name,
      columns: ['data', name],
      notes: [name],
      rows: [
        {
          name,
          group: null,
          cells: [
            { metrics: ['imageAuroc'], values: [{ mean: 0.5, deviation: null, seeds: 1 }], from: 'run' },
          ],
        },
      ],
    }) as unknown as Table;

  test.each(names)('CSV: %j', (name) => {
    const lines = formatTables([table(name)], 'csv').split('\n');
    expect(lines).toHaveLength(2);
    const first = lines[1]!.replace(/^"/, '');
    expect(first).toMatch(/^'?[^=+\-@\t\r]/);
    expect(lines[1]).toContain(',0.5,');
  });

  test('Markdown', () => {
    const name = '<img src=x onerror=alert(1)> [a](javascript:b) ![c](d) `e` | f \\';
    const text = formatTables([table(name)], 'markdown');
    for (const part of text.split('\n')) expect(part).not.toMatch(/(?<!\\)[<[\]`>]/);
    const row = text.split('\n').find((line) => line.includes('50.0'))!;
    expect(row.match(/(?<!\\)\|/g)).toHaveLength(3);
    expect(formatTables([table(evil)], 'markdown')).not.toMatch(forged);
  });

  test.each([
    ...names.slice(0, 5),
    'a b',
    "it's",
    '$(touch x)',
    '%s%d\\n',
    '\u001b[2J',
    'line\nbreak',
    '\u202e',
    "q'\n'q",
  ])('a planned command line keeps %j one word on one line', (word) => {
    const line = shellWord(word);
    expect(line).not.toMatch(raw);
    expect(line).not.toContain('\n');
    expect(execFileSync('sh', ['-c', `printf '%s' ${line}`], { encoding: 'utf8' })).toBe(word);
  });

  test('a word that no line can hold is refused', () => {
    expect(() => shellWord('ends\n')).toThrow(RangeError);
  });
});

describe('names of the members of every object are names like others', () => {
  const names = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];

  test('as defects and classes', async () => {
    const entries = names.map((name) => ({
      className: name,
      split: 'test' as const,
      defect: name,
      anomaly: true,
      mask: null,
    }));
    for (const [i, count] of countClasses(entries).entries()) {
      expect(count.images).toBe(1);
      expect(Object.entries(count.defects)).toEqual([[names[i], 1]]);
    }
  });

  test('as a class and a defect on disk', async () => {
    for (const [from, to] of [
      ['weave', 'constructor'],
      ['weave', '__proto__'],
    ] as const)
      await cp(path.join(fixtures.data, from), at('members', to), { recursive: true });
    const { code, out } = await cli(['data', 'check', at('members')]);
    expect(code).toBe(1); // duplicates
    for (const name of ['constructor', '__proto__'])
      expect(out).toMatch(new RegExp(`${name}, test: 9 images`));
  });

  test('as tensors and metadata; a key that is there twice is refused', async () => {
    const one = { dtype: 'F32', shape: [1], data: new Float32Array(1) } as const;
    const bytes = writeSafetensors(new Map(names.map((name) => [name, one])), { constructor: 'x' } as never);
    const read = await readSafetensors(bytesSource('x', bytes));
    expect([...read.tensors.keys()].sort()).toEqual([...names].sort());
    expect(read.metadata.get('constructor')).toBe('x');
    const file = (json: string, data: number) => {
      const text = new TextEncoder().encode(json);
      const whole = new Uint8Array(8 + text.length + data);
      new DataView(whole.buffer).setBigUint64(0, BigInt(text.length), true);
      whole.set(text, 8);
      return readSafetensors(bytesSource('x', whole));
    };
    const entry = (from: number) => `{"dtype":"F32","shape":[1],"data_offsets":[${from},${from + 4}]}`;
    await expect(file(`{"a":${entry(0)},"b":${entry(4)}}`, 8)).resolves.toBeDefined();
    await expect(file(`{"a":${entry(0)},"\\u0061":${entry(4)}}`, 8)).rejects.toThrow(/the key "a" twice/);
    await expect(file(`{"__metadata__":{"k":"1","k":"2"}}`, 0)).rejects.toThrow(/the key "k" twice/);
  });
});
