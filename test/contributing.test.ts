// CONTRIBUTING.md's examples are the repository's own files, and its commands name what is there.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as modules from '../src/kernels/index.ts';
import { families } from '../src/model/methods/families.ts';
import { namedMethods } from '../src/model/methods/named.ts';
import { writtenFamily } from '../src/model/methods/pair/pair.ts';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFile(path.join(root, file), 'utf8');
const text = await read('CONTRIBUTING.md');

/** The code blocks below a heading. */
function blocksOf(heading: string): string[] {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  if (!section) throw new Error(`CONTRIBUTING.md has no section "${heading}"`);
  return [...section.matchAll(/^```\w+\n(.*?)^```/gms)].map((match) => match[1]!);
}

describe('add a pointwise operator', () => {
  const [shader, host, cases, line] = blocksOf('Add a pointwise operator');

  test.each([
    ['exp.wgsl', shader],
    ['exp.ts', host],
    ['exp.cases.ts', cases],
  ])('%s is as printed', async (file, printed) => {
    expect(printed).toBe(await read(`src/kernels/exp/${file}`));
  });

  test('the line of the index is as printed, and all of it is about fifteen lines', async () => {
    expect((await read('src/kernels/index.ts')).split('\n')).toContain(line!.trim());
    const lines = [shader, host, cases].map((block) => block!.trimEnd().split('\n').length);
    expect(lines.reduce((a, b) => a + b)).toBeLessThanOrEqual(16);
  });
});

describe('run one kernel’s tests', () => {
  const [command] = blocksOf('Run one kernel’s tests'.replace('’', "'"));
  const [, file, filter] = /^npx vitest run (\S+) -t '(.*)'$/m.exec(command!)!;

  test('the file exists, and the filter finds one operator’s cases and no other’s', async () => {
    const source = await read(file!);
    expect(source).toContain('describe(opTest.op.name');
    const names = Object.values(modules)
      .flat()
      .flatMap(({ op, cases }) => cases.map((c) => ({ op: op.name, title: `${op.name} ${c.name}` })));
    const found = new Set(names.filter(({ title }) => new RegExp(filter!).test(title)).map(({ op }) => op));
    expect([...found]).toEqual(['layernorm']);
  });

  test('the npm scripts it names exist', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm run (?:-s )?([\w:]+)/g)].map((match) => match[1]!);
    expect(named.length).toBeGreaterThan(3);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});

describe('add a method', () => {
  const [variation, family, options] = blocksOf('Add a method');

  test('what is printed is in the files that it names', async () => {
    expect(await read('src/model/methods/named.ts')).toContain(variation);
    const source = await read('src/model/methods/pair/pair.ts');
    expect(source).toContain(family);
    expect(source).toContain(options);
  });

  test('the families and methods of the example are in the lists, and no family is without a method', () => {
    expect(families.get('written')).toBe(writtenFamily);
    expect(namedMethods.get('cap')?.options).toMatchObject({ prior: false });
    const used = new Set([...namedMethods.values()].map((method) => method.family));
    expect([...families.keys()].filter((name) => !used.has(name))).toEqual([]);
  });
});

describe('add a data set layout', () => {
  const [entry, copy] = blocksOf('Add a data set layout');

  test('what is printed is in the table and among the tiny copies', async () => {
    expect(await read('src/data/layouts/table.ts')).toContain(entry);
    expect(await read('test/data-layouts.ts')).toContain(copy);
  });
});

test('the files that it names exist', () => {
  const named = [...text.matchAll(/`((?:src|test|docs|scripts)\/[\w./-]+\.\w+)`/g)].map((match) => match[1]!);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
});
