// SECURITY.md: a run that is told to end leaves a whole checkpoint, and no two runs share a folder.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { neededEnvironment } from '../scripts/vulkan/driver.mjs';
import { makeFolder, writeFileAtomic } from '../src/base/files.node.ts';
import { lockFolder, lockName } from '../src/base/lock.node.ts';
import { readSafetensors } from '../src/formats/safetensors.ts';
import { bytesSource } from '../src/formats/source.ts';
import { hasEsbuild } from '../testing/esbuild.ts';
import { bundledCli } from './bundled-cli.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
let program: string;
const at = (...parts: string[]) => path.join(fixtures.dir, ...parts);
const trainArgs = (out: string, epochs = '9999') => [
  ...['train', '--data', fixtures.data, '--clip', fixtures.clip, '--out', out, '--epochs', epochs],
  ...['--cache', at('cache'), ...tinyOptions],
];

beforeAll(async () => {
  fixtures = await makeFixtures();
  if (hasEsbuild()) program = await bundledCli();
});
afterAll(() => fixtures.remove());

/** Starts the built command. @param ready text of the log after which `then` runs */
async function started(
  argv: readonly string[],
  log: string,
  then: (child: ReturnType<typeof spawn>) => void,
) {
  const child = spawn(process.execPath, [program, ...argv], {
    env: { ...(neededEnvironment() ?? process.env) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
  });
  child.stderr.on('data', (data) => {
    said += data;
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal })),
  );
  const lines = async () => (existsSync(log) ? (await readFile(log, 'utf8')).split('\n').length : 0);
  while ((await lines()) < 4 && child.exitCode === null) await setTimeout(50);
  then(child);
  const result = await Promise.race([ended, setTimeout(240_000, undefined)]);
  if (!result) child.kill('SIGKILL');
  return { ...(await ended), said };
}

describe.skipIf(!hasEsbuild())('a run that is told to end', () => {
  test.each(['SIGTERM', 'SIGHUP'] as const)('%s: saved after the step, exit code 130', async (signal) => {
    const out = at(`run-${signal}`);
    const { code, said } = await started(trainArgs(out), path.join(out, 'log.jsonl'), (child) =>
      child.kill(signal),
    );
    expect(code, said).toBe(130);
    const checkpoint = await readSafetensors(
      bytesSource('last', await readFile(path.join(out, 'last.safetensors'))),
    );
    const { step } = JSON.parse(checkpoint.metadata.get('progress')!) as { step: number };
    const log = (await readFile(path.join(out, 'log.jsonl'), 'utf8')).trim().split('\n');
    expect(step).toBeGreaterThan(0);
    const steps = log.map((line) => (JSON.parse(line) as { step: number }).step);
    expect(step).toBe(Math.max(...steps));
    expect((await readdir(out)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('standard error closed early: the work goes on', async () => {
    const out = at('deaf');
    const { code } = await started(trainArgs(out, '3'), path.join(out, 'log.jsonl'), (child) => {
      child.stderr!.destroy();
    });
    expect(code).toBe(0);
    expect(existsSync(path.join(out, 'prompts.safetensors'))).toBe(true);
  });

  test('killed outright: the folder is free again, and --resume goes on', async () => {
    const out = at('killed');
    const { signal } = await started(trainArgs(out), path.join(out, 'log.jsonl'), (child) =>
      child.kill('SIGKILL'),
    );
    expect(signal).toBe('SIGKILL');
    expect(existsSync(path.join(out, lockName))).toBe(true);
    await rm(path.join(out, 'last.safetensors'), { force: true });
    const { code, note } = await cli([...trainArgs(out, '1'), '--resume']);
    expect(code, note).toBe(0);
    expect(existsSync(path.join(out, lockName))).toBe(false);
  });
});

describe.skipIf(!hasEsbuild())('a command that does not listen for its end', () => {
  test('SIGINT: what is half-written goes, and the process ends by the signal', async () => {
    const around = at('interrupted');
    await mkdir(around);
    const args = ['synth', path.join(around, 'set'), '--image-size', '64', '--good', '9999'];
    const child = spawn(process.execPath, [program, ...args], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', (_, signal) => resolve(signal)));
    while ((await readdir(around)).length === 0 && child.exitCode === null) await setTimeout(20);
    child.kill('SIGINT');
    expect(await ended).toBe('SIGINT');
    expect(await readdir(around)).toEqual([]);
  });
});

describe('two runs in one folder', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-test-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));
  const holder = (change: object) =>
    writeFile(
      path.join(dir, lockName),
      JSON.stringify({ pid: process.pid, start: null, host: os.hostname(), id: 'other', ...change }),
    );

  test('the second is refused, by name, whichever command it is', async () => {
    await lockFolder(dir, async () => {
      const refused = new RegExp(`no other run is at work, found process ${process.pid}`);
      await expect(lockFolder(dir, async () => 1)).rejects.toThrow(refused);
      const prompts = at('run-SIGTERM', 'x');
      for (const argv of [
        trainArgs(dir, '1'),
        ['pretrain', '--out', dir, '--steps', '1', '--batch', '2'],
        ['detect', fixtures.data, '--clip', fixtures.clip, '--prompts', prompts, '--out', dir],
      ]) {
        const { code, note } = await cli(argv);
        expect([argv[0], code]).toEqual([argv[0], 1]);
        expect(note).toMatch(refused);
      }
    });
    expect(await readdir(dir)).toEqual([]);
    await expect(lockFolder(dir, async () => 1)).resolves.toBe(1);
  });

  test('a stale lock does not count: its process is gone, or is another one by now', async () => {
    await holder({ pid: 2 ** 22 + 1 });
    await expect(lockFolder(dir, async () => 1)).resolves.toBe(1);
    if (existsSync('/proc/self/stat')) {
      await holder({ start: '1' });
      await expect(lockFolder(dir, async () => 1)).resolves.toBe(1);
    }
    await writeFile(path.join(dir, lockName), '{"pid":');
    await expect(lockFolder(dir, async () => 1)).resolves.toBe(1);
  });

  test('work that refuses leaves no folder, but what was there and what it wrote', async () => {
    const made = path.join(dir, 'made', 'for', 'it');
    const refuse = async () => {
      throw new Error('refused');
    };
    await expect(lockFolder(made, refuse)).rejects.toThrow('refused');
    expect(await readdir(dir)).toEqual([]);
    const file = path.join(made, 'kept');
    await expect(lockFolder(made, () => writeFile(file, '').then(refuse))).rejects.toThrow('refused');
    expect(await readdir(made)).toEqual(['kept']);
    await rm(file);
    await expect(lockFolder(made, refuse)).rejects.toThrow('refused');
    expect(await readdir(made)).toEqual([]); // it was there before
    await rm(path.join(dir, 'made'), { recursive: true });
  });

  test.skipIf(!existsSync('/proc/self/stat'))(
    'a place where nothing can be made is refused at once',
    async () => {
      await expect(makeFolder('/proc/faprompt/test')).rejects.toThrow('ENOENT');
      const files = await Promise.all([1, 2, 3].map(() => makeFolder(path.join(dir, 'a', 'b'))));
      expect(files.every((made) => made === undefined || made.startsWith(dir))).toBe(true);
      await rm(path.join(dir, 'a'), { recursive: true });
    },
  );

  test('a place that cannot be written to is named, not the temporary file', async () => {
    const place = path.join(dir, 'folder');
    await mkdir(path.join(place, 'x'), { recursive: true });
    await expect(writeFileAtomic(place, '')).rejects.toThrow(/\/folder: cannot be written: E[A-Z]+: [^.]+$/);
    expect(await readdir(dir)).toEqual(['folder']);
    await rm(place, { recursive: true });
  });

  test('a lock of another machine counts', async () => {
    await holder({ host: 'elsewhere', pid: 1 });
    await expect(lockFolder(dir, async () => 1)).rejects.toThrow(
      /process 1 on elsewhere \(if there is none, remove/,
    );
    await rm(path.join(dir, lockName));
  });

  test('of many that find a stale lock, one gets the folder', async () => {
    await mkdir(dir, { recursive: true });
    // Often, for what happens between two steps of another.
    for (let round = 0; round < 10; round++) {
      await holder({ pid: 2 ** 22 + 1 });
      let inside = 0;
      let most = 0;
      const work = async () => {
        most = Math.max(most, ++inside);
        await setTimeout(30);
        inside--;
      };
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(dir, work)));
      expect(most).toBe(1);
      expect(results.some(({ status }) => status === 'fulfilled')).toBe(true);
      expect(await readdir(dir)).toEqual([]);
    }
  });
});
