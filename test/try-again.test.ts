// The tests' own run: what its last line says, and in CI the second run of a file that failed.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
let dir: string;
beforeAll(async () => {
  // Below the repository, for vitest itself.
  await mkdir(path.join(root, 'node_modules/.cache'), { recursive: true });
  dir = await mkdtemp(path.join(root, 'node_modules/.cache/faprompt-again-'));
  const reporter = path.join(root, 'scripts/summary-reporter.ts');
  await writeFile(
    path.join(dir, 'vitest.config.mjs'),
    `export default { test: { include: ['*.check.mjs'], reporters: ['default', ${JSON.stringify(reporter)}] } };`,
  );
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs these files' tests. Each finds `luck()`, which fails when it is first called, and `mkdirSync`. */
async function run(name: string, files: Readonly<Record<string, string>>, ci: boolean) {
  const folder = path.join(dir, name);
  await mkdir(folder);
  await symlink(path.join(dir, 'vitest.config.mjs'), path.join(folder, 'vitest.config.mjs'));
  for (const [file, text] of Object.entries(files))
    await writeFile(
      path.join(folder, `${file}.check.mjs`),
      `import { existsSync, mkdirSync } from 'node:fs';
       import { beforeAll, describe, expect, test } from 'vitest';
       const luck = (file = ${JSON.stringify(path.join(folder, `${file}-ran`))}) => {
         const ran = existsSync(file);
         mkdirSync(file, { recursive: true });
         expect(ran).toBe(true);
       };
       ${text}`,
    );
  const args = [path.join(root, 'scripts/test.mjs'), '--root', folder];
  // Not those by which this run's vitest knows itself.
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('VITEST')));
  if (ci) env.CI = 'true';
  else delete env.CI;
  return new Promise<{ code: unknown; last: string; again: string[] }>((resolve) =>
    execFile(process.execPath, args, { cwd: root, env }, (error, stdout) => {
      const lines = stdout.trim().split('\n');
      const again = lines.filter((line) => line.startsWith('passed only when tried again: '));
      resolve({ code: error?.code ?? 0, last: lines.at(-1)!, again: again.sort() });
    }),
  );
}

const good = "test('good', () => {}); test.skip('left out', () => {});";
const bad = "test('bad', () => expect(1).toBe(2)); test('good', () => {});";
const unlucky = "describe('a', () => { test('unlucky', () => luck()); }); test('good', () => {});";
const hook = "describe('b', () => { beforeAll(() => luck()); test('after it', () => {}); });";

test("on a developer's machine what fails fails", async () => {
  expect(await run('plain', { good, unlucky, hook }, false)).toEqual({
    code: 1,
    last: '2 passed, 2 failed, 2 skipped',
    again: [],
  });
});

test('in CI a file that failed runs once more, and is named', async () => {
  expect(await run('lucky', { good, unlucky, hook }, true)).toEqual({
    code: 0,
    last: '4 passed, 0 failed, 1 skipped',
    again: [
      'passed only when tried again: hook.check.mjs > b',
      'passed only when tried again: unlucky.check.mjs > a > unlucky',
    ],
  });
});

test('what fails twice fails', async () => {
  expect(await run('bad', { good, bad, unlucky }, true)).toEqual({
    code: 1,
    last: '4 passed, 1 failed, 1 skipped',
    again: ['passed only when tried again: unlucky.check.mjs > a > unlucky'],
  });
});

test('many that fail do so for a reason', async () => {
  const many = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`unlucky${i}`, unlucky]));
  expect(await run('many', many, true)).toEqual({ code: 1, last: '6 passed, 6 failed', again: [] });
});

test('an error outside the tests fails', async () => {
  const outside = `${good} Promise.reject(new Error('outside'));`;
  expect(await run('outside', { outside }, true)).toMatchObject({ code: 1, again: [] });
});
