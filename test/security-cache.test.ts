// SECURITY.md: downloaded bytes are hashed before they get their name and before they are used; nothing planted in the cache
// is followed, waited for or believed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fetch } from '../src/formats/http.ts';
import { hashWeights } from '../src/jobs/models.ts';
import { download } from '../src/model/hub/download.node.ts';
import { hubEnvironment } from '../src/model/hub/environment.node.ts';
import type { KnownModel } from '../src/model/hub/manifest.ts';
import { pullModel, wholeModelPath } from '../src/model/hub/models.node.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'faprompt-test-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));
const at = (...parts: string[]) => path.join(dir, ...parts);

const content = Buffer.alloc(50_000, 'weights');
const sha256 = createHash('sha256').update(content).digest('hex');

/** Serves the content, from the byte that is asked for. @param wait before each byte of a drip */
function server({ drip = 0 } = {}): Fetch & { asked: number } {
  const fetch: Fetch & { asked: number } = async (_url, { headers, signal }) => {
    fetch.asked++;
    const from = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    async function* body() {
      if (drip === 0) yield content.subarray(from);
      else
        for (let i = from; i < content.length; i++) {
          await setTimeout(drip, undefined, signal ? { signal } : {});
          yield content.subarray(i, i + 1);
        }
    }
    const answer: Record<string, string> = {
      'content-length': `${content.length - from}`,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    };
    return { status: from > 0 ? 206 : 200, headers: { get: (name) => answer[name] ?? null }, body: body() };
  };
  fetch.asked = 0;
  return fetch;
}

const get = (fetch: Fetch, options: Partial<Parameters<typeof download>[0]> = {}) =>
  download({
    url: 'https://hub.test/x',
    to: at('cache', 'blob'),
    hash: { kind: 'sha256', value: sha256 },
    bytes: content.length,
    fetch,
    retryDelay: 1,
    ...options,
  });

describe('a planted partial file', () => {
  beforeEach(() => mkdir(at('cache')));
  const part = () => at('cache', 'blob.incomplete');
  const whole = async () => {
    expect((await readFile(at('cache', 'blob'))).equals(content)).toBe(true);
    expect((await stat(at('cache', 'blob'))).nlink).toBe(1);
  };

  test('that is a link: the file that it leads to stays as it is', async () => {
    await writeFile(at('precious'), 'precious');
    await symlink(at('precious'), part());
    await get(server());
    await whole();
    expect(await readFile(at('precious'), 'utf8')).toBe('precious');
  });

  test('that leads to a file that is not there: none is made', async () => {
    await symlink(at('planted'), part());
    await get(server());
    await whole();
    expect(existsSync(at('planted'))).toBe(false);
  });

  test('with a second name: the other name keeps its bytes', async () => {
    await writeFile(at('precious'), 'precious');
    await link(at('precious'), part());
    await get(server());
    await whole();
    expect(await readFile(at('precious'), 'utf8')).toBe('precious');
  });

  test.skipIf(process.platform === 'win32')('that is a pipe: nobody waits for it', async () => {
    execFileSync('mkfifo', [part()]);
    await get(server());
    await whole();
  });

  test('with other bytes: found out, not kept, right at the next time', async () => {
    await writeFile(part(), Buffer.alloc(1000, 'x'));
    await expect(get(server())).rejects.toMatchObject({ kind: 'wrong-checksum' });
    expect(existsSync(at('cache', 'blob'))).toBe(false);
    await get(server());
    await whole();
  });

  test('of one own: gone on with', async () => {
    await writeFile(part(), content.subarray(0, 20_000));
    const fetch = server();
    await get(fetch);
    expect(fetch.asked).toBe(1);
    await whole();
  });
});

describe('a download that does not get on', () => {
  test('a byte now and then is no progress', async () => {
    const fetch = server({ drip: 20 });
    await expect(get(fetch, { idleTimeout: 100, attempts: 3 })).rejects.toMatchObject({
      kind: 'network',
      message: expect.stringMatching(/fewer than 4096 bytes in 0\.1 s/),
    });
    expect(fetch.asked).toBe(3);
  });

  test('an abort ends it at once', async () => {
    const stop = new AbortController();
    const running = get(server({ drip: 20 }), { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });

  test('a disk that cannot be written to is said to be that, and the server is not asked again', async () => {
    await writeFile(at('file'), '');
    const fetch = server();
    await expect(get(fetch, { to: at('file', 'blob') })).rejects.toMatchObject({ kind: 'disk' });
    expect(fetch.asked).toBe(0);
  });

  test.skipIf(process.getuid?.() !== 0)('a full disk', async () => {
    await mkdir(at('small'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', at('small')], { stdio: 'ignore' });
    } catch {
      return console.warn('skipped: no small disk can be mounted here');
    }
    try {
      const fetch = server();
      await expect(get(fetch, { to: at('small', 'blob') })).rejects.toMatchObject({
        kind: 'disk',
        message: expect.stringContaining('ENOSPC'),
      });
      expect(fetch.asked).toBe(1);
    } finally {
      execFileSync('umount', [at('small')]);
    }
  });
});

describe('what lies in the cache', () => {
  const model: KnownModel = {
    name: 'tiny',
    repo: 'some/one',
    revision: 'main',
    licence: 'MIT',
    files: [{ path: 'model.safetensors', sha256, bytes: content.length }],
  };

  test('with the right length and other bytes is not used, and downloaded again', async () => {
    const fetch = server();
    const env = { ...(await hubEnvironment({ HF_HUB_CACHE: at('hub') })), fetch };
    const file = await pullModel(env, model);
    expect(await wholeModelPath(env, model)).toBe(file);
    const blob = at('hub', 'models--some--one', 'blobs', sha256);
    await writeFile(blob, Buffer.alloc(content.length, 'y'));
    await expect(wholeModelPath(env, model)).rejects.toMatchObject({ kind: 'wrong-checksum' });
    await expect(hashWeights([file])).rejects.toThrow(/expected the bytes with this sha256/);
    await pullModel(env, model);
    expect(fetch.asked).toBe(2);
    expect((await readFile(await wholeModelPath(env, model).then(String))).equals(content)).toBe(true);
  });
});
