// Files that comments and documents name are there: a file that is renamed or removed takes its name along.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const rooms = [
  '.',
  'src',
  'web',
  'bench',
  'bin',
  'docs',
  'examples',
  'scripts',
  'test',
  'testing',
  'weights',
];
const files = rooms
  .flatMap((room) =>
    readdirSync(path.join(root, room), { recursive: room !== '.', withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name))),
  )
  .map((file) => file.split(path.sep).join('/'));

/** What others publish, and names that stand for any file. */
const elsewhere =
  /^((vl_test|vis_test|prepare_data|boxes)\.py|chromiumSwitches\.ts|node_modules\/.*|faprompt-gpu\/.*|NAME(\.\w+)?\.ts|(part|main)\.wgsl|tables\.md)$/;
const named = /(?<![\w/*<$}.-])((?:[\w-]+\/)*[\w-]+(?:\.\w+)?\.(?:ts|wgsl|mjs|sh|py|md))\b/g;

test('every file that a comment or a document names', () => {
  // What was, is history's.
  const read = files.filter(
    (file) => /\.(ts|mjs|wgsl|sh|py|md)$/.test(file) && !/CHANGELOG|REJECTED/.test(file),
  );
  expect(read.length).toBeGreaterThan(800);
  const missing = read.flatMap((file) =>
    readFileSync(path.join(root, file), 'utf8')
      .split('\n')
      .filter((line) => file.endsWith('.md') || /^\s*(\/\/|\/?\*|#)/.test(line))
      .flatMap((line) => [...line.matchAll(named)].map(([name]) => name))
      .filter((name) => !elsewhere.test(name) && !files.some((at) => at === name || at.endsWith(`/${name}`)))
      .map((name) => `${file}: ${name}`),
  );
  expect(missing).toEqual([]);
});
