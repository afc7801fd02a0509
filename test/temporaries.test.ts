// A process that is killed outright leaves what it was writing; the next one that writes into the folder takes it away.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { neededEnvironment } from '../scripts/vulkan/driver.mjs';
import { checkOutputFolder, makeFolder, writeAside, writeFileAtomic } from '../src/base/files.node.ts';
import { lockFolder } from '../src/base/lock.node.ts';
import { temporaryBeside } from '../src/base/temporary.node.ts';
import { removeUnfinished } from '../src/base/unfinished.node.ts';
import { writeRef } from '../src/model/hub/cache.node.ts';
import { hubEnvironment } from '../src/model/hub/environment.node.ts';
import { hasEsbuild } from '../testing/esbuild.ts';
import { built } from './built.ts';
import { bundledCli } from './bundled-cli.ts';
import { cli, makeFixtures, tinyOptions } from './train-fixtures.ts';

/** A program that is half-way through writing argv[2], and says so by its temporary name. `folder`: through a folder. */
const writer = () =>
  built('half-writer', async (folder) => {
    const { build } = await import('esbuild');
    await build({
      stdin: {
        contents: `
          import { mkdirSync, writeFileSync } from 'node:fs';
          import { mkdir, writeFile } from 'node:fs/promises';
          import { writeAside } from './src/base/files.node.ts';
          const folder = process.argv[3] === 'folder';
          await writeAside(process.argv[2], folder ? mkdirSync : (file) => writeFileSync(file, ''), async (temporary) => {
            if (folder) await mkdir(temporary + '/deep');
            await writeFile(folder ? temporary + '/deep/file' : temporary, 'half');
            process.stdout.write(temporary);
            await new Promise(() => setInterval(() => {}, 1e6));
          });`,
        resolveDir: path.resolve(import.meta.dirname, '..'),
      },
      outfile: path.join(folder, 'writer.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
    });
  });

/** Starts it. @returns the name it left, relative to the folder, and how to kill it */
async function halfWritten(place: string, kind: 'file' | 'folder' = 'file') {
  const child = spawn(process.execPath, [path.join(await writer(), 'writer.mjs'), place, kind], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('close', (_, signal) => resolve(signal)));
  const name = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data) => resolve(`${data}`)),
  );
  return {
    name: path.basename(name),
    async kill() {
      child.kill('SIGKILL');
      expect(await ended).toBe('SIGKILL');
    },
  };
}

/** Leaves what a killed process leaves when it was about to write `place`. @returns the temporary file */
async function leave(place: string, kind: 'file' | 'folder' = 'file'): Promise<string> {
  const { name, kill } = await halfWritten(place, kind);
  await kill();
  const file = path.join(path.dirname(place), name);
  expect(existsSync(file)).toBe(true);
  return file;
}

let dir: string;
const at = (...parts: string[]) => path.join(dir, ...parts);
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-temporaries-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe.skipIf(!hasEsbuild())('what a killed process was writing', () => {
  test('goes with the next write into the folder: files and folders, nothing else', async () => {
    const living = await halfWritten(at('one/living'));
    const gone = [await leave(at('one/gone')), await leave(at('one/set'), 'folder')];
    const elsewhere = await leave(at('one/elsewhere'));
    // As another machine would write it on a shared disk: nobody here knows that it is gone.
    const other = path.basename(elsewhere).replace(/^\.faprompt-[0-9a-f]{8}/, '.faprompt-00000000');
    await rename(elsewhere, at('one', other));
    const users = ['.faprompt-mine.tmp', '.notes.tmp', 'a.tmp', `${path.basename(gone[0]!)}.bak`];
    for (const name of users) await writeFile(at('one', name), 'mine');
    const own = path.basename(await temporaryBeside(at('one/own')));
    await writeFile(at('one', own), 'half');

    await writeFileAtomic(at('one/whole'), 'whole');
    const left = [living.name, other, own, 'whole', ...users];
    expect((await readdir(at('one'))).sort()).toEqual(left.sort());
    expect(await readFile(at('one', living.name), 'utf8')).toBe('half');
    await living.kill();
  });

  test.skipIf(!existsSync('/proc/self/stat'))(
    'a number of a process that is used again does not keep it',
    async () => {
      await mkdir(at('again'));
      const own = await temporaryBeside(at('again/x'));
      await writeFile(own.replace(/-\d+-([0-9a-f]{8}\.tmp)$/, '-1-$1'), 'half');
      await writeFileAtomic(at('again/whole'), '');
      expect(await readdir(at('again'))).toEqual(['whole']);
    },
  );

  test('a name is short and hidden, whatever the file is called', async () => {
    const name = path.basename(await temporaryBeside(at('x'.repeat(255))));
    expect(name).toMatch(/^\./);
    expect(name.length).toBeLessThan(80);
  });

  test('looking whether a folder can be written to leaves nothing in it', async () => {
    await mkdir(at('looked'));
    await checkOutputFolder(at('looked'), '--out');
    expect(await readdir(at('looked'))).toEqual([]);
  });

  test('a set that was being drawn, by the command itself', async () => {
    const around = at('drawn');
    await mkdir(around);
    const args = ['synth', path.join(around, 'set'), '--image-size', '32', '--good', '9999'];
    const child = spawn(process.execPath, [await bundledCli(), ...args], {
      env: neededEnvironment() ?? process.env,
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.on('close', (_, signal) => resolve(signal)));
    while ((await readdir(around)).length === 0 && child.exitCode === null) await new Promise(setImmediate);
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    expect(await readdir(around)).toEqual([expect.stringMatching(/^\.faprompt-.*\.tmp$/)]);
    const { code, note } = await cli([...args.slice(0, -1), '1', '--classes', 'weave', '--defective', '1']);
    expect(code, note).toBe(0);
    expect(await readdir(around)).toEqual(['set']);
  });
});

/** As `writeDataset` does, but for drawing. */
const fillFolder = async (temporary: string): Promise<void> => {
  await makeFolder(path.join(temporary, 'a', 'b'));
  await writeFile(path.join(temporary, 'a', 'b', 'c'), '');
};

// What is under way in Node's threads goes on while the process removes what is half-written, and ends.
describe('told to end while it is being made, nothing comes back', () => {
  const writers: readonly [what: string, write: (place: string) => Promise<void>, into?: 'folder'][] = [
    ['a folder', (place) => writeAside(place, mkdirSync, fillFolder)],
    ['a file', (place) => writeFileAtomic(place, 'text')],
    ['a lock', (place) => lockFolder(place, async () => {}), 'folder'],
    ['a look', (place) => checkOutputFolder(place, '--out'), 'folder'],
  ];
  test.each(writers)('%s', async (_, write, into) => {
    const around = await mkdtemp(at('ended-'));
    for (let round = 0; round < 150; round++) {
      const place = path.join(around, String(round));
      if (into) await mkdir(place);
      const written = write(place).catch(() => {});
      for (let turn = 0; turn < round % 30; turn++) await new Promise(setImmediate);
      removeUnfinished();
      // Nothing of this process's own goes on meanwhile, as when it is gone.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4);
      const left = readdirSync(around, { recursive: true }).filter((name) => `${name}`.endsWith('.tmp'));
      expect(left, `round ${round}`).toEqual([]);
      await written;
      await rm(place, { recursive: true, force: true });
    }
  });
});

describe.skipIf(!hasEsbuild())('every command that writes into a folder takes it away there', () => {
  let fixtures: Awaited<ReturnType<typeof makeFixtures>>;
  let model: string[];
  let image: string;
  beforeAll(async () => {
    fixtures = await makeFixtures();
    const { clip, data } = fixtures;
    image = path.join(data, 'weave/test/good/000.png');
    const argv = [
      '--data',
      data,
      '--clip',
      clip,
      '--out',
      at('run'),
      '--epochs',
      '1',
      '--cache',
      at('cache'),
    ];
    const { code, note } = await cli(['train', ...argv, ...tinyOptions]);
    expect(code, note).toBe(0);
    model = ['--clip', clip, '--prompts', at('run/prompts.safetensors'), '--cache', at('cache')];
  });
  afterAll(() => fixtures.remove());

  const commands: readonly [command: string, argv: (to: string) => string[]][] = [
    ['detect', (to) => ['detect', image, ...model, '--out', to]],
    ['calibrate', (to) => ['calibrate', '--good', image, ...model, '--out', path.join(to, 'p.safetensors')]],
    ['eval --out', (to) => ['eval', '--data', fixtures.data, ...model, '--out', to]],
    ['eval --json', (to) => ['eval', '--data', fixtures.data, ...model, '--json', path.join(to, 'm.json')]],
    ['prompts', (to) => ['prompts', model[3]!, '--clip', fixtures.clip, '--out', to]],
    [
      'synth',
      (to) => ['synth', path.join(to, 'set'), '--classes', 'weave', '--good', '1', '--defective', '1'],
    ],
    ['weights convert', (to) => ['weights', 'convert', fixtures.clip, path.join(to, 'c.safetensors')]],
    [
      'train',
      (to) => [
        'train',
        '--data',
        fixtures.data,
        ...model.slice(0, 2),
        '--out',
        to,
        '--epochs',
        '1',
        ...tinyOptions,
      ],
    ],
  ];
  test.each(commands)('%s', async (_, argv) => {
    const to = await mkdtemp(at('to-'));
    const left = await leave(path.join(to, 'anything'));
    const { code, note } = await cli(argv(to));
    expect(code, note).toBe(0);
    expect(existsSync(left)).toBe(false);
    const hidden = (await readdir(to)).filter((name) => name.startsWith('.'));
    expect(hidden).toEqual([]);
  });

  test("the features' cache", async () => {
    const entries = (await readdir(at('cache'), { recursive: true })).filter(
      (name) => path.dirname(name) !== '.',
    );
    expect(entries.length).toBeGreaterThan(0);
    const left: string[] = [];
    for (const folder of new Set(entries.map((entry) => path.dirname(entry))))
      left.push(await leave(at('other-cache', folder, 'entry')));
    const argv = [...model.slice(0, -1), at('other-cache')];
    const { code, note } = await cli(['detect', fixtures.data, ...argv, '--out', at('cached')]);
    expect(code, note).toBe(0);
    expect(left.filter((file) => existsSync(file)).length).toBeLessThan(left.length);
  });

  test("a hub's folder", async () => {
    const env = await hubEnvironment({ HOME: at('home') });
    const refs = at('home/.cache/huggingface/hub/models--org--model/refs');
    const left = await leave(path.join(refs, 'main'));
    await writeRef(env, 'org/model', 'main', '0'.repeat(40));
    expect(existsSync(left)).toBe(false);
    expect(await readdir(refs)).toEqual(['main']);
  });
});
