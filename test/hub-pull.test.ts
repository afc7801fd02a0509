// Pulling from a hub that redirects, announces, refuses, asks to wait; other addresses when one is gone.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { tryLater } from '../src/formats/http.ts';
import { type HubEnvironment, hubEnvironment } from '../src/model/hub/environment.node.ts';
import type { KnownModel } from '../src/model/hub/manifest.ts';
import { modelPath, pullModel, verifyModel } from '../src/model/hub/models.node.ts';
import { pullRepository } from '../src/model/hub/repository.node.ts';
import { commit, type HubServer, startHub } from './hub-server.ts';
import { cli } from './train-fixtures.ts';

const root = mkdtempSync(path.join(tmpdir(), 'faprompt-pull-'));
const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7919) >> 3);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const quick = { attempts: 3, retryDelay: 1 };
const config = JSON.stringify({ model_type: 'clip' });
/** Its hash is known to nobody but the hub. */
const model: KnownModel = {
  name: 'test',
  repo: 'org/model',
  revision: commit,
  licence: 'MIT',
  files: [{ path: 'model.safetensors' }, { path: 'config.json' }],
};

let hub: HubServer;
let home: string;
let env: HubEnvironment;
beforeAll(async () => {
  hub = await startHub();
});
beforeEach(async () => {
  home = mkdtempSync(path.join(root, 'home-'));
  env = await hubEnvironment({ HOME: home, HF_ENDPOINT: hub.url, HF_TOKEN: 'secret' });
  hub.repositories.set('org/model', { files: { 'model.safetensors': bytes, 'config.json': config } });
});
afterEach(() => {
  hub.repositories.clear();
  hub.requests.length = 0;
  hub.seenByStorage.length = 0;
  hub.first.length = 0;
  hub.stored(bytes).faults = {};
});
afterAll(async () => {
  await hub.close();
  rmSync(root, { recursive: true });
});

const same = (file: string, content: Uint8Array | string = bytes) =>
  Buffer.compare(readFileSync(file), Buffer.from(content)) === 0;

describe('a file whose hash the hub announces', () => {
  test('comes from the other host without the token, is held against the hash, which is kept', async () => {
    const file = await pullModel(env, model, quick);
    expect(same(file)).toBe(true);
    expect(path.basename(realpathSync(file))).toBe(sha256);
    expect(hub.requests.filter((request) => request.startsWith('storage'))).toEqual(['storage GET']);
    expect(hub.seenByStorage).toEqual(['']);
    expect(same(path.join(path.dirname(file), 'config.json'), config)).toBe(true);
    expect((await verifyModel(env, model)).map(({ state }) => state)).toEqual(['whole', 'whole']);
    // Known now, without the hub.
    hub.requests.length = 0;
    expect(await pullModel({ ...env, offline: true }, model)).toBe(file);
    expect(hub.requests).toEqual([]);
    writeFileSync(
      realpathSync(file),
      bytes.map((byte) => byte ^ 1),
    );
    expect((await verifyModel(env, model))[0]!.state).toBe('damaged');
  });

  test('a cut goes on by a range at a newly signed address', async () => {
    hub.stored(bytes).faults = { cutAfter: (request) => (request === 0 ? 70_000 : undefined) };
    expect(same(await pullModel(env, model, quick))).toBe(true);
    expect(hub.requests.filter((request) => request.startsWith('storage'))).toEqual([
      'storage GET',
      'storage GET bytes=70000-',
    ]);
  });

  test('other bytes than announced are not kept', async () => {
    hub.stored(bytes).faults = { bytes: () => bytes.map((byte) => byte ^ 1) };
    await expect(pullModel(env, model, quick)).rejects.toMatchObject({ kind: 'wrong-checksum' });
    expect(await modelPath(env, model)).toBeUndefined();
  });

  test('another hash than the known one is refused before anything is downloaded', async () => {
    const other = { ...model, files: [{ path: 'model.safetensors', sha256: '0'.repeat(64) }] } as const;
    await expect(pullModel(env, other, quick)).rejects.toMatchObject({ kind: 'wrong-checksum' });
    expect(hub.requests.some((request) => request.startsWith('storage'))).toBe(false);
  });

  test('the same revision with another hash than the one that was kept: the kept one counts', async () => {
    await pullModel(env, model, quick);
    rmSync(path.join(home, '.cache/huggingface/hub/models--org--model/blobs'), { recursive: true });
    const wrong = bytes.map((byte) => byte ^ 1);
    hub.repositories.set('org/model', { files: { 'model.safetensors': wrong, 'config.json': config } });
    await expect(pullModel(env, model, quick)).rejects.toMatchObject({ kind: 'wrong-checksum' });
  });

  test('429 with Retry-After is waited for; 401 says what the hub says, and asks for the token', async () => {
    hub.first.push({ status: 429, headers: { 'retry-after': '1' } });
    const began = performance.now();
    expect(same(await pullModel(env, model, quick))).toBe(true);
    expect(performance.now() - began).toBeGreaterThan(900);
    hub.repositories.set('org/gated', { files: { 'model.safetensors': bytes }, token: 'another' });
    const gated = { ...model, repo: 'org/gated' };
    await expect(pullModel(env, gated, quick)).rejects.toThrow(/401, "Access.*restricted.*HF_TOKEN/);
    const allowed = { ...env, token: 'another' };
    await expect(
      pullModel(allowed, { ...gated, files: [{ path: 'model.safetensors' }] }, quick),
    ).resolves.toContain('org--gated');
  });

  test.each([
    ['3', 3000],
    ['Fri, 01 Jan 2100 00:00:10 GMT', 10_000],
    ['100000', 120_000],
    ['soon', undefined],
  ])('Retry-After: %s', (text, delay) => {
    const headers = new Headers({ 'retry-after': text });
    expect(tryLater({ status: 503, headers }, Date.UTC(2100, 0, 1))!.delay).toBe(delay);
    expect(tryLater({ status: 404, headers })).toBeUndefined();
  });
});

describe('several addresses', () => {
  const elsewhere: KnownModel = {
    ...model,
    repo: 'org/gone',
    files: [{ path: 'model.safetensors', sha256, bytes: bytes.length }],
    fallbacks: [{ repo: 'org/model', revision: commit, files: [{ path: 'model.safetensors' }] }],
  };

  test('a dead one is tried, named, and the next one taken', async () => {
    const said: string[] = [];
    const file = await pullModel(env, elsewhere, {
      ...quick,
      onFallback: ({ message }, { repo }) => said.push(`${message} -> ${repo}`),
    });
    expect(same(file)).toBe(true);
    expect(said).toEqual([expect.stringMatching(/org\/gone.*401.* -> org\/model/)]);
    expect(await modelPath(env, elsewhere)).toBe(file);
    expect((await verifyModel(env, elsewhere))[0]!.state).toBe('whole');
  });

  test('a host that does not answer at all; and where all are dead, each is named', async () => {
    const nowhere = 'http://127.0.0.1:1/model';
    const dead: KnownModel = {
      ...elsewhere,
      files: [{ path: 'model.safetensors', sha256, bytes: bytes.length, url: nowhere }],
    };
    expect(same(await pullModel(env, dead, quick))).toBe(true);
    const allDead = { ...dead, name: 'x', repo: 'a/b', fallbacks: [{ ...elsewhere, repo: 'org/gone' }] };
    await expect(pullModel(env, allDead, quick)).rejects.toThrow(/127\.0\.0\.1:1.*org\/gone/s);
  });
});

describe('any repository', () => {
  const pull = (name = 'org/model', revision = 'main') =>
    pullRepository(env, { repo: name, revision }, quick).then((file) => path.basename(file));
  const put = (files: Record<string, Uint8Array | string>) => hub.repositories.set('org/model', { files });

  test('safetensors before pickles; the branch is kept as a ref', async () => {
    put({ 'pytorch_model.bin': bytes, 'model.safetensors': bytes, 'config.json': config });
    expect(await pull()).toBe('model.safetensors');
    expect(hub.requests.filter((request) => request.startsWith('storage'))).toEqual(['storage GET']);
    const folder = path.join(home, '.cache/huggingface/hub/models--org--model');
    expect(readFileSync(path.join(folder, 'refs/main'), 'utf8')).toBe(commit);
    expect(existsSync(path.join(folder, 'snapshots', commit, 'config.json'))).toBe(true);
    // Everything after the first answer is asked of that one commit.
    expect(hub.requests.filter((request) => request.includes('/resolve/main/')).length).toBe(1);
  });

  test('shards by their index', async () => {
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const map = Object.fromEntries(shards.map((name, i) => [`tensor${i}`, name]));
    put({
      'model.safetensors.index.json': JSON.stringify({ weight_map: map }),
      [shards[0]!]: bytes,
      [shards[1]!]: bytes.slice(5),
      'config.json': config,
    });
    expect(await pull('org/model', commit)).toBe('model.safetensors.index.json');
    const snapshot = path.join(home, '.cache/huggingface/hub/models--org--model/snapshots', commit);
    expect(same(path.join(snapshot, shards[1]!), bytes.slice(5))).toBe(true);
  });

  test('an index that leads elsewhere, a model of another kind, no weights, no repository: refused, nothing large comes', async () => {
    put({ 'model.safetensors.index.json': JSON.stringify({ weight_map: { a: '../../x' } }) });
    await expect(pull()).rejects.toThrow(/plain file names/);
    put({ 'model.safetensors': bytes, 'config.json': JSON.stringify({ model_type: 'bert' }) });
    await expect(pull()).rejects.toMatchObject({
      kind: 'not-a-clip',
      message: expect.stringContaining('bert'),
    });
    put({ 'README.md': 'x' });
    await expect(pull()).rejects.toMatchObject({ kind: 'not-a-clip' });
    await expect(pull('org/nothing')).rejects.toMatchObject({ kind: 'refused' });
    await expect(pull('org/model', 'no-such-branch')).rejects.toThrow(/not-a-clip|expected one of|404/);
    expect(hub.requests.some((request) => request.startsWith('storage'))).toBe(false);
  });

  test('a repository that was renamed is followed', async () => {
    hub.repositories.set('old/name', { files: {}, movedTo: 'org/model' });
    expect(await pull('old/name')).toBe('model.safetensors');
  });
});

describe('on the command line', () => {
  test('--clip NAME downloads only after a yes, and names what it would get', async () => {
    const variables = { HOME: home, HF_ENDPOINT: hub.url, HF_HOME: '', HF_HUB_CACHE: '', XDG_CACHE_HOME: '' };
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const info = ['weights', 'info', 'org/model'];
    const none = await cli(info);
    expect(none.code).toBe(1);
    expect(none.note).toMatch(/org\/model: expected a weights file, a folder or a known name.*--yes/s);
    const asked: string[] = [];
    const confirm = async (question: string) => {
      asked.push(question);
      return false;
    };
    expect((await cli(['weights', 'info', 'ViT-L/14@336px'], { confirm })).code).toBe(1);
    expect(asked).toEqual([
      expect.stringMatching(/ViT-L\/14@336px.*1\.6 GiB.*openai\/clip-vit-large-patch14-336.*MIT/),
    ]);
    expect(hub.requests).toEqual([]);
    const yes = await cli([...info, '--yes']);
    expect(yes.code).toBe(1); // the bytes are no weights
    expect(yes.note).not.toContain('a known name');
    expect(hub.requests).toContain('storage GET');
    vi.unstubAllEnvs();
  });
});
