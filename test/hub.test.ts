import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { knownModels, resolveWeights } from '../src/jobs/models.ts';
import { cachedRepo } from '../src/model/hub/cache.node.ts';
import { type HubEnvironment, hubEnvironment } from '../src/model/hub/environment.node.ts';
import { type KnownModel, parseManifest, sourcesOf } from '../src/model/hub/manifest.ts';
import { modelPath, pullModel, verifyModel } from '../src/model/hub/models.node.ts';
import { hasEsbuild } from '../testing/esbuild.ts';
import { type FileServer, serveFile } from '../testing/file-server.ts';
import { bundledCli } from './bundled-cli.ts';

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 3);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const model: KnownModel = {
  name: 'test',
  repo: 'org/model',
  revision: '0123456789012345678901234567890123456789',
  licence: 'MIT',
  files: [{ path: 'model.safetensors', sha256, bytes: bytes.length }],
};
const quick = { attempts: 3, retryDelay: 1 };
const root = mkdtempSync(path.join(tmpdir(), 'faprompt-hub-'));

let server: FileServer;
let folder: string;
let env: HubEnvironment;

beforeAll(async () => {
  server = await serveFile(bytes);
});
beforeEach(async () => {
  folder = mkdtempSync(path.join(root, 'home-'));
  env = await hubEnvironment({ HOME: folder, HF_ENDPOINT: `${server.url}/`, HF_TOKEN: 'secret' });
});
afterEach(() => {
  server.faults = {};
});
afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true });
});

const repo = () => path.join(folder, '.cache/huggingface/hub/models--org--model');
const blob = () => path.join(repo(), 'blobs', sha256);
const content = (file: string) => Buffer.compare(readFileSync(file), bytes);

describe('pull', () => {
  test("the file comes into the layout of Hugging Face's tools, with the token; later pulls use it", async () => {
    const file = await pullModel(env, model, quick);
    expect(file).toBe(path.join(repo(), 'snapshots', model.revision, 'model.safetensors'));
    expect(content(file)).toBe(0);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(existsSync(blob())).toBe(true);
    expect(server.requests).toEqual([
      { url: `/org/model/resolve/${model.revision}/model.safetensors`, authorization: 'Bearer secret' },
    ]);
    expect(await pullModel({ ...env, offline: true }, model, quick)).toBe(file);
    expect(server.requests.length).toBe(1);
    expect(await modelPath(env, model)).toBe(file);
  });

  test('connections that are cut: goes on from there; progress only grows and ends at the total', async () => {
    server.faults = { cutAfter: (request) => (request < 4 ? 70_000 : undefined) };
    const seen: [number, number][] = [];
    const file = await pullModel(env, model, { ...quick, onProgress: (...step) => seen.push(step) });
    expect(content(file)).toBe(0);
    expect(server.requests.length).toBe(5);
    expect(server.requests.slice(1).every(({ range }) => /^bytes=[1-9]\d*-$/.test(range!))).toBe(true);
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b));
    expect(seen.every(([, total]) => total === bytes.length)).toBe(true);
    expect(seen.at(-1)![0]).toBe(bytes.length);
  });

  test('a server that ignores ranges: starts again, and is right', async () => {
    server.faults = {
      ignoreRanges: true,
      cutAfter: (request) => (request < 2 ? [200_000, 100_000][request] : undefined),
    };
    const seen: number[] = [];
    const file = await pullModel(env, model, { ...quick, onProgress: (done) => seen.push(done) });
    expect(content(file)).toBe(0);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  test.each([
    ['longer', 10],
    ['shorter', -10],
  ])('a server that claims a %s file is refused before its bytes are taken', async (_, change) => {
    server.faults = { claim: (length) => length + change };
    await expect(pullModel(env, model, quick)).rejects.toMatchObject({ kind: 'wrong-length' });
    expect(existsSync(blob())).toBe(false);
  });

  test('a wrong byte: nothing is kept, and the next pull is right', async () => {
    const wrong = bytes.slice();
    wrong[123_456]! ^= 1;
    server.faults = { bytes: () => wrong };
    await expect(pullModel(env, model, quick)).rejects.toMatchObject({ kind: 'wrong-checksum' });
    expect(existsSync(blob())).toBe(false);
    expect(existsSync(`${blob()}.incomplete`)).toBe(false);
    expect(await modelPath(env, model)).toBeUndefined();
    server.faults = {};
    expect(content(await pullModel(env, model, quick))).toBe(0);
  });

  test('passing errors are tried again, lasting ones end it, with a hint about the token', async () => {
    server.faults = { status: (request) => (request < 2 ? 503 : undefined) };
    expect(content(await pullModel(env, model, quick))).toBe(0);
    rmSync(repo(), { recursive: true });
    server.faults = { status: () => 500 };
    await expect(pullModel(env, model, quick)).rejects.toMatchObject({ kind: 'network' });
    expect(server.requests.length).toBe(3);
    server.faults = { status: () => 401 };
    await expect(pullModel(env, model, quick)).rejects.toThrow(/401.*HF_TOKEN/);
    expect(server.requests.length).toBe(1);
  });

  test('an abort leaves what came, offline says so, and neither touches the final name', async () => {
    const control = new AbortController();
    const stop = new Error('stop');
    const pulled = pullModel(env, model, {
      ...quick,
      signal: control.signal,
      onProgress: () => control.abort(stop),
    });
    await expect(pulled).rejects.toThrow();
    expect(existsSync(blob())).toBe(false);
    await expect(pullModel({ ...env, offline: true }, model, quick)).rejects.toMatchObject({
      kind: 'offline',
    });
    expect(content(await pullModel(env, model, quick))).toBe(0);
  });

  test('the token goes to the hub only', async () => {
    const [file] = model.files;
    const elsewhere = { ...model, files: [{ ...file, url: `${server.url}/elsewhere` }] } as const;
    await pullModel(env, elsewhere, quick);
    expect(server.requests).toEqual([{ url: '/elsewhere' }]);
  });

  test.skipIf(!hasEsbuild())(
    'a process that is killed and started again goes on where it was',
    async () => {
      const manifest = path.join(folder, 'manifest.json');
      writeFileSync(manifest, JSON.stringify({ models: [model] }));
      const cli = await bundledCli();
      const pull = (endpoint: string) =>
        spawn(process.execPath, [cli, 'weights', 'pull', 'test', '--manifest', manifest], {
          env: {
            ...process.env,
            HOME: folder,
            HF_HOME: '',
            HF_HUB_CACHE: '',
            XDG_CACHE_HOME: '',
            HF_ENDPOINT: endpoint,
          },
          stdio: ['ignore', 'pipe', 'ignore'],
        });
      // The first one waits for bytes that never come.
      const stalled = createServer((_, response) => {
        response.writeHead(200, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, 120_000));
      });
      await new Promise<void>((resolve) => stalled.listen(0, '127.0.0.1', resolve));
      const address = `http://127.0.0.1:${(stalled.address() as AddressInfo).port}`;
      const first = pull(address);
      const part = `${blob()}.incomplete`;
      while (!existsSync(part) || lstatSync(part).size < 120_000)
        await new Promise((resolve) => setTimeout(resolve, 20));
      first.kill('SIGKILL');
      await new Promise((resolve) => first.once('exit', resolve));
      stalled.closeAllConnections();
      stalled.close();
      expect(existsSync(blob())).toBe(false);

      const second = pull(server.url);
      let out = '';
      second.stdout.on('data', (text) => {
        out += text;
      });
      expect(await new Promise((resolve) => second.once('exit', resolve))).toBe(0);
      expect(content(out.trim())).toBe(0);
      expect(server.requests.map(({ range }) => range)).toEqual(['bytes=120000-']);
    },
    30_000,
  );
});

describe('finding what is there', () => {
  test("a blob that Hugging Face's tools downloaded at another revision is used", async () => {
    mkdirSync(path.dirname(blob()), { recursive: true });
    writeFileSync(blob(), bytes);
    expect(await modelPath(env, model)).toBe(blob());
    expect(content(await pullModel({ ...env, offline: true }, model))).toBe(0);
    expect(server.requests.length).toBe(0);
  });

  test('a repository by name: the revision that refs/main names', async () => {
    const snapshot = path.join(repo(), 'snapshots', 'abc');
    mkdirSync(snapshot, { recursive: true });
    expect(await cachedRepo(env, 'org/model')).toBeUndefined();
    mkdirSync(path.join(repo(), 'refs'));
    writeFileSync(path.join(repo(), 'refs', 'main'), 'abc');
    expect(await cachedRepo(env, 'org/model')).toBe(snapshot);
    expect(await cachedRepo(env, '../model')).toBeUndefined();
    expect(await resolveWeights('org/model', env)).toBe(snapshot);
    await expect(resolveWeights('no/where', env)).rejects.toThrow(/a weights file, a folder or a known name/);
    expect(await resolveWeights('./no/where', env)).toBe('./no/where');
    await expect(resolveWeights('ViT-B/32', env)).rejects.toThrow(/weights pull ViT-B\/32/);
  });

  test('verify tells whole, damaged and missing files apart', async () => {
    expect((await verifyModel(env, model))[0]!.state).toBe('missing');
    await pullModel(env, model, quick);
    expect((await verifyModel(env, model))[0]!.state).toBe('whole');
    const wrong = bytes.slice();
    wrong[0]! ^= 1;
    writeFileSync(blob(), wrong);
    expect((await verifyModel(env, model))[0]!.state).toBe('damaged');
  });
});

describe('environment', () => {
  test('the cache folder and the token are where the variables say', async () => {
    const at = async (variables: Record<string, string>) =>
      (await hubEnvironment({ HOME: '/home/x', ...variables })).cache;
    expect(await at({})).toBe('/home/x/.cache/huggingface/hub');
    expect(await at({ XDG_CACHE_HOME: '/c' })).toBe('/c/huggingface/hub');
    expect(await at({ HF_HOME: '/h' })).toBe('/h/hub');
    expect(await at({ HF_HOME: '/h', HF_HUB_CACHE: '/b' })).toBe('/b');
    writeFileSync(path.join(folder, 'token'), 'abc\n');
    expect((await hubEnvironment({ HF_HOME: folder })).token).toBe('abc');
    expect((await hubEnvironment({ HF_HOME: folder, HF_TOKEN: 'own' })).token).toBe('own');
    expect((await hubEnvironment({ HOME: folder })).token).toBeUndefined();
    expect((await hubEnvironment({ HF_HUB_OFFLINE: '1' })).offline).toBe(true);
  });

  test('downloads go through the proxy, except to hosts of NO_PROXY', async () => {
    const tunnels: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, client) => {
      tunnels.push(request.url!);
      const [host, port] = new URL(server.url).host.split(':') as [string, string];
      const target = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        target.pipe(client).pipe(target);
      });
      client.on('error', () => target.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const variables = { HOME: folder, HF_ENDPOINT: 'http://hub.invalid', HTTP_PROXY: address };
    expect(content(await pullModel(await hubEnvironment(variables), model, quick))).toBe(0);
    expect(tunnels).toEqual(['hub.invalid:80']);
    rmSync(repo(), { recursive: true });
    const direct = await hubEnvironment({ ...variables, NO_PROXY: 'hub.invalid' });
    await expect(pullModel(direct, model, quick)).rejects.toMatchObject({ kind: 'network' });
    expect(tunnels.length).toBe(1);
    proxy.closeAllConnections();
    proxy.close();
  });
});

describe('the manifest', () => {
  test('the one in weights/ is well formed, and names what the issue asks for', () => {
    const models = knownModels();
    expect(models.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['ViT-B/32', 'ViT-B/16', 'ViT-L/14', 'ViT-L/14@336px']),
    );
    const sources = models.flatMap(sourcesOf);
    // OpenAI's addresses contain the sha256 of the file.
    for (const { files } of sources)
      for (const file of files) if (file.url) expect(file.url).toContain(file.sha256);
    // The hub first, at a commit or with a known hash; OpenAI's own address after it.
    for (const { files, revision } of models)
      expect(
        files[0].url === undefined && (files[0].sha256 !== undefined || /^[0-9a-f]{40}$/.test(revision)),
      ).toBe(true);
    for (const model of models.slice(0, 4)) expect(sourcesOf(model).at(-1)!.files[0].url).toMatch(/^https:/);
    // The names of OpenCLIP's files leave the activation open.
    for (const { files } of sources)
      if (files[0].path.startsWith('open_clip_'))
        expect(files.map(({ path }) => path)).toContain('open_clip_config.json');
  });

  test.each<[string, (entry: Record<string, unknown>, file: Record<string, unknown>) => void, RegExp]>([
    ['a path out of the cache', (_, file) => Object.assign(file, { path: '../../x' }), /plain file name/],
    ['a hidden file', (_, file) => Object.assign(file, { path: '..' }), /plain file name/],
    ['a repository out of the cache', (entry) => Object.assign(entry, { repo: '../x' }), /repository/],
    ['a revision out of the cache', (entry) => Object.assign(entry, { revision: '../x' }), /revision/],
    [
      'an address without sha256',
      (_, file) => Object.assign(file, { url: 'http://x', sha256: undefined }),
      /sha256/,
    ],
    ['a sha256 that is none', (_, file) => Object.assign(file, { sha256: '12' }), /sha256/],
    [
      'a fallback out of the cache',
      (entry) => Object.assign(entry, { fallbacks: [{ ...model, repo: '../x' }] }),
      /repository/,
    ],
    ['no length', (_, file) => Object.assign(file, { bytes: 0 }), /number of bytes/],
    ['another protocol', (_, file) => Object.assign(file, { url: 'file:///x' }), /http/],
    ['no files', (entry) => Object.assign(entry, { files: [] }), /list of files/],
  ])('%s is refused', (_, change, message) => {
    const file = { ...model.files[0] };
    const entry = { ...model, files: [file] };
    expect(parseManifest({ models: [entry] }, 'm')).toEqual([entry]);
    change(entry, file);
    expect(() => parseManifest({ models: [entry] }, 'm')).toThrow(message);
  });
});
