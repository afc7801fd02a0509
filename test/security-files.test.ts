// SECURITY.md: only regular files are read, without waiting and up to a limit; what ships has known licences and pinned bytes.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closure, isAllowed, lockProblems } from '../scripts/licences.mjs';
import { windowsWord } from '../scripts/vulkan/launch.mjs';
import { contentPolicy, headers, headersFile } from '../scripts/web/policy.mjs';
import { openRegular, readRegular } from '../src/base/open.node.ts';
import { decodeVocabulary } from '../src/model/clip/tokenizer/bpe.ts';
import { cli } from './train-fixtures.ts';

let dir: string;
const at = (...parts: string[]) => path.join(dir, ...parts);
beforeAll(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-test-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe.skipIf(process.platform === 'win32')('only regular files are read', () => {
  let pipe: string;
  beforeAll(async () => {
    pipe = at('pipe.png');
    execFileSync('mkfifo', [pipe]);
    await symlink('/dev/zero', at('endless.png'));
  });
  /** Fails where something waits for a pipe that nobody writes to. */
  const soon = <T>(work: Promise<T>): Promise<T> =>
    Promise.race([
      work,
      new Promise<never>((_, reject) => setTimeout(() => reject(new Error('it waits')), 100_000)),
    ]);

  test('a pipe, an endless device and a folder are refused at once', async () => {
    await expect(soon(openRegular(pipe))).rejects.toThrow('a pipe');
    await expect(soon(openRegular(at('endless.png')))).rejects.toThrow('a device');
    await expect(soon(openRegular(dir))).rejects.toThrow('a folder');
  });

  test('as weights, prompts, images, vocabulary, configuration and meta.json', async () => {
    await mkdir(at('meta'));
    execFileSync('mkfifo', [at('meta', 'meta.json')]);
    const clip = path.resolve('weights/small-clip.safetensors');
    const prompts = path.resolve('weights/small-prompts.safetensors');
    for (const file of [pipe, at('endless.png')])
      for (const argv of [
        ['weights', 'info', file],
        ['detect', 'x.png', '--clip', file, '--prompts', prompts, '--json-lines'],
        ['detect', 'x.png', '--clip', clip, '--prompts', file, '--json-lines'],
        ['detect', file, '--clip', clip, '--prompts', prompts, '--json-lines', '--no-cache'],
        ['classify', file, '--clip', clip, '--text', 'a', 'b'],
        ['benchmark', file],
        ['data', 'check', at('meta')],
      ]) {
        const { code, note } = await soon(cli(argv));
        expect([argv.join(' '), code]).toEqual([argv.join(' '), 1]);
        expect(note, argv.join(' ')).toMatch(/found|expected/);
      }
  });

  test('a file larger than its limit, and one that says that it is empty', async () => {
    await writeFile(at('large'), Buffer.alloc(100));
    await expect(readRegular(at('large'), 99)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect((await readRegular(at('large'), 100)).length).toBe(100);
    if (process.platform === 'linux')
      expect((await readRegular('/proc/self/status', 1e6)).length).toBeGreaterThan(100);
  });

  test('a vocabulary that unpacks to a thousand times what it is', async () => {
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(50e6, 'a')));
    await expect(decodeVocabulary(bomb)).rejects.toThrow(/vocabulary: expected at most 16000000 characters/);
  });
});

describe('what ships', () => {
  test('licences are of the list; libvips, which is LGPL, is an exception by name', () => {
    for (const licence of ['MIT', '(MIT OR GPL-3.0)', 'Apache-2.0 AND ISC'])
      expect(isAllowed('x', licence)).toBe(true);
    for (const licence of ['GPL-3.0', 'MIT AND GPL-3.0', 'LGPL-3.0-or-later', 'UNLICENSED', undefined])
      expect(isAllowed('x', licence)).toBe(false);
    expect(isAllowed('@img/sharp-libvips-linux-x64', 'LGPL-3.0-or-later')).toBe(true);
  });

  test('a lock file without a hash, or from elsewhere, is refused; ours is not', async () => {
    const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as Parameters<
      typeof lockProblems
    >[0];
    expect(lockProblems(lock)).toEqual([]);
    const [first] = Object.keys(lock.packages).filter((place) => place !== '');
    const changed = (entry: object) => ({
      ...lock,
      packages: { ...lock.packages, [first!]: { ...lock.packages[first!], ...entry } },
    });
    expect(lockProblems(changed({ integrity: undefined }))).toHaveLength(1);
    expect(lockProblems(changed({ integrity: 'sha1-abc' }))).toHaveLength(1);
    expect(lockProblems(changed({ resolved: 'https://elsewhere.test/x.tgz' }))).toHaveLength(1);
    expect(closure(lock, ['sharp'])).toContain('node_modules/@img/sharp-libvips-linux-x64');
  });

  test('words for the shell of Windows are one word each, and nothing in them acts', () => {
    expect(windowsWord('C:\\Program Files\\x')).toBe('^^^"C:\\Program^^^ Files\\x^^^"');
    expect(windowsWord('a&calc')).toBe('^^^"a^^^&calc^^^"');
    expect(windowsWord('%PATH%')).toBe('^^^"^^^%PATH^^^%^^^"');
    expect(windowsWord('say "hi"\\')).toBe('^^^"say^^^ \\^^^"hi\\^^^"\\\\^^^"');
    expect(windowsWord('--run=a/b.txt')).toBe('--run=a/b.txt');
  });

  test('hosts are told what a meta element cannot say', () => {
    expect(contentPolicy).not.toContain('frame-ancestors'); // ignored there
    expect(headers['Content-Security-Policy']).toContain("frame-ancestors 'none'");
    for (const [name, value] of Object.entries(headers))
      expect(headersFile).toContain(`  ${name}: ${value}\n`);
  });
});
