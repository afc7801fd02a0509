// A file as segments (what the browser's storage is filled with), over connections that fail.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { download } from '../src/detector/storage/download.ts';
import { UnreachableError } from '../src/formats/errors.ts';
import { type FileServer, serveFile } from '../testing/file-server.ts';

const file = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) >> 3);
let server: FileServer;
beforeAll(async () => {
  server = await serveFile(file);
});
afterEach(() => {
  server.faults = {};
});
afterAll(() => server.close());

/** Segments in memory, of which some may be there from before. */
async function fetchAll(
  have: readonly Uint8Array[] = [],
  options: { total?: number; version?: string } = {},
) {
  const parts = [...have];
  const sizes = () => parts.reduce((sum, { length }) => sum + length, 0);
  const progress: number[] = [];
  const { total = file.length, version = '"1"' } = options;
  await download(
    server.url,
    {
      async begin(bytes, found) {
        if (found !== version || (bytes !== total && bytes !== 0)) parts.length = 0;
        return sizes();
      },
      async append(segment) {
        parts.push(segment);
      },
    },
    have.length > 0 ? { bytes: sizes(), total, version } : undefined,
    { segmentBytes: 30_000, attempts: 3, retryDelay: 1, onBytes: (done) => progress.push(done) },
  );
  return { bytes: Buffer.concat(parts), sizes: parts.map(({ length }) => length), progress };
}
const whole = (bytes: Buffer) => Buffer.compare(bytes, Buffer.from(file)) === 0;

describe('a download in segments', () => {
  test('whole segments, and a last one', async () => {
    const { bytes, sizes, progress } = await fetchAll();
    expect(whole(bytes)).toBe(true);
    expect(sizes).toEqual([30_000, 30_000, 30_000, 10_000]);
    expect(progress.at(-1)).toBe(file.length);
    expect(server.requests).toEqual([{ url: '/' }]);
  });

  test('goes on where a connection was cut, by ranges or without', async () => {
    for (const ignoreRanges of [false, true]) {
      server.faults = {
        ignoreRanges,
        cutAfter: (n) => (n < 4 ? 20_000 + 30_000 * (ignoreRanges ? n : 0) : undefined),
      };
      const { bytes, progress } = await fetchAll();
      expect(whole(bytes)).toBe(true);
      expect(server.requests.length).toBeGreaterThan(3);
      expect(progress).toEqual([...progress].sort((a, b) => a - b));
    }
  });

  test('a part that is there is not asked for again, unless the file changed or got shorter', async () => {
    const have = [file.slice(0, 30_000), file.slice(30_000, 60_000)];
    expect(whole((await fetchAll(have)).bytes)).toBe(true);
    expect(server.requests).toMatchObject([{ range: 'bytes=60000-' }]);
    server.faults = { etag: () => '"2"' };
    expect(whole((await fetchAll([new Uint8Array(30_000), new Uint8Array(30_000)])).bytes)).toBe(true);
    server.faults = {};
    const longer = Array.from({ length: 4 }, () => new Uint8Array(30_000));
    expect(whole((await fetchAll(longer, { total: 200_000 })).bytes)).toBe(true);
  });

  test('a connection that always fails, a missing file, a file that changes on the way: typed', async () => {
    server.faults = { cutAfter: () => 0 };
    await expect(fetchAll()).rejects.toThrow(UnreachableError);
    server.faults = { status: () => 404 };
    await expect(fetchAll()).rejects.toThrow(/status 404/);
    expect(server.requests.length).toBe(1);
    server.faults = { cutAfter: (n) => (n === 0 ? 50_000 : undefined), etag: (n) => `"${n}"` };
    await expect(fetchAll()).rejects.toThrow(/another one/);
  });

  test("the storage's own failure ends it at once, as it is", async () => {
    const full = new DOMException('full', 'QuotaExceededError');
    const segments = { begin: async () => 0, append: () => Promise.reject(full) };
    const options = { segmentBytes: 30_000, attempts: 3, retryDelay: 1, onBytes: () => {} };
    await expect(download(server.url, segments, undefined, options)).rejects.toBe(full);
    expect(server.requests.length).toBe(1);
  });
});
