// CONTRIBUTING.md's examples are the repository's own files, and its commands name what is there.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as modules from '../src/kernels/index.ts';

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
