import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { httpSource } from '../src/formats/http.ts';
import { writeSafetensors } from '../src/formats/safetensors.ts';
import { clipTensors } from '../src/model/checkpoint/names.ts';
import { readTensors } from '../src/model/checkpoint/open.ts';
import { type FileServer, serveFile } from '../testing/file-server.ts';
import { asHuggingFace, tinyWeights } from './clip-files.ts';

const weights = tinyWeights();
const bytes = writeSafetensors(asHuggingFace(weights));
const quick = { attempts: 3, retryDelay: 1 };
let server: FileServer;

beforeAll(async () => {
  server = await serveFile(bytes);
});
afterEach(() => {
  server.faults = {};
});
afterAll(() => server.close());

const open = () => httpSource(`${server.url}/model.safetensors?token=secret`, quick);

describe('a file by HTTP ranges', () => {
  test('a CLIP is read, with few requests and no query in its name', async () => {
    const source = await open();
    expect(source).toMatchObject({ size: bytes.length, name: `${server.url}/model.safetensors` });
    const { file } = clipTensors(await readTensors(source));
    for (const [name, { data }] of weights)
      expect(Buffer.compare(Buffer.from((await file.readFloat32(name)).buffer), buffer(data)), name).toBe(0);
    expect(server.requests.length).toBeLessThan(8);
    expect(server.requests.every(({ range }) => range !== undefined)).toBe(true);
  });

  test('cut connections and passing errors: goes on where it stopped', async () => {
    const source = await open();
    server.faults = {
      cutAfter: (request) => (request < 6 ? 1000 : undefined),
      status: (request) => (request === 2 ? 503 : undefined),
    };
    const read = await source.read(100, 50_000);
    expect(Buffer.compare(buffer(read), buffer(bytes.subarray(100, 50_100)))).toBe(0);
    expect(server.requests.length).toBeGreaterThan(5);
    expect(server.requests[1]!.range).not.toBe(server.requests[0]!.range);
  });

  test('a server without ranges, without the file, or always failing is a typed error', async () => {
    server.faults = { ignoreRanges: true };
    await expect(open()).rejects.toThrow(/does not serve ranges/);
    server.faults = { status: () => 404 };
    await expect(open()).rejects.toThrow(/status 404/);
    server.faults = { status: () => 500 };
    await expect(open()).rejects.toMatchObject({ name: 'WeightsError' });
    expect(server.requests.length).toBe(3);
    await expect(httpSource('http://127.0.0.1:9/x', quick)).rejects.toMatchObject({ name: 'WeightsError' });
  });

  test('a file that changes on the server is noticed', async () => {
    const source = await open();
    server.faults = { etag: () => '"2"' };
    await expect(source.read(0, 100)).rejects.toThrow(/changed on the server/);
    server.faults = { claim: (length) => length + 1 };
    await expect(source.read(0, 100)).rejects.toThrow(/changed on the server/);
  });

  test('an abort ends it with its reason', async () => {
    const control = new AbortController();
    const source = await httpSource(server.url, { ...quick, signal: control.signal });
    control.abort(new Error('enough'));
    await expect(source.read(0, 10)).rejects.toThrow('enough');
  });
});

const buffer = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
