// Downloading one file: goes on after a cut, and ends only with the right bytes under the final name.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeFolder } from '../../base/files.node.ts';
import { openRegular } from '../../base/open.node.ts';
import {
  chunks,
  drain,
  type Fetch,
  type FetchResponse,
  reason,
  TryLaterError,
  tryLater,
} from '../../formats/http.ts';
import { HubError } from './errors.ts';

/** `git sha1`: of git's blob, by which the hub knows files that are not in its large-file storage. */
export interface FileHash {
  readonly kind: 'sha256' | 'git sha1';
  readonly value: string;
}

export interface Download {
  readonly url: string;
  /** Final name; `<to>.incomplete` holds what came so far, as with Hugging Face's tools. */
  readonly to: string;
  readonly hash: FileHash;
  readonly bytes: number;
  readonly fetch: Fetch;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes so far of this file; never falls, even where a server makes us start again. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** Attempts in a row that bring nothing before giving up. */
  readonly attempts?: number;
  /** Wait before the second attempt in ms; doubles each time, up to 30 s. */
  readonly retryDelay?: number;
  /** An attempt that brings fewer than 4 KiB in this many ms is given up; default a minute. */
  readonly idleTimeout?: number;
}

/** Less than a modem of 1990: a connection that only looks alive. */
const leastBytes = 4096;

/** @throws HubError; what came so far stays for the next call, unless it is wrong */
export async function download(options: Download): Promise<void> {
  const { url, to, hash, bytes } = options;
  const name = `${to}.incomplete`;
  await makeFolder(path.dirname(to)).catch(local(to));
  const part = await openPart(name);
  let kept = true;
  try {
    await fillPart(options, part);
    const found = await digest(part.createReadStream({ start: 0, autoClose: false }), hash.kind, bytes);
    kept = found === hash.value;
    if (!kept)
      throw new HubError(
        'wrong-checksum',
        `${url}: expected ${hash.kind} ${hash.value}, found ${found}: not kept`,
      );
    await part.sync().catch(local(name));
  } finally {
    await part.close();
    if (!kept) await rm(name, { force: true });
  }
  await rename(name, to).catch(local(to));
}

/** What concerns this machine's disk: asking the server again does not help. */
const local =
  (file: string) =>
  (cause: NodeJS.ErrnoException): never => {
    throw new HubError('disk', `${file}: cannot be written: ${cause.message}`, { cause });
  };

/**
 * What came so far, or a new file. Only one of our own is gone on with: not a link (the file that it leads to would be
 * overwritten), not a pipe (it would be waited for), not a file with a second name or of somebody else.
 */
async function openPart(name: string): Promise<FileHandle> {
  const { O_RDWR, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  for (let attempt = 0; attempt < 3; attempt++) {
    let handle: FileHandle | undefined;
    try {
      handle = await open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
      const stat = await handle.stat();
      if (stat.isFile() && stat.nlink === 1 && (!process.getuid || stat.uid === process.getuid()))
        return handle;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ELOOP' && code !== 'ENXIO' && code !== 'EACCES') return local(name)(error as Error);
    }
    await handle?.close();
    await rm(name, { force: true }).catch(local(name));
  }
  throw new HubError('disk', `${name}: expected a file of one's own, found others in its place`);
}

const sizeOfPart = async (part: FileHandle): Promise<number> => (await part.stat()).size;

/** Downloads until all is there. */
async function fillPart(options: Download, part: FileHandle): Promise<void> {
  const { url, bytes, onProgress, signal, attempts = 5, retryDelay = 1000 } = options;
  let most = 0;
  const report = (done: number) => {
    most = Math.max(most, done);
    onProgress?.(most, bytes);
  };
  let failures = 0;
  for (;;) {
    signal?.throwIfAborted();
    let before = await sizeOfPart(part);
    if (before > bytes) {
      await part.truncate(0); // left over from something else
      before = 0;
    }
    if (before === bytes) break;
    try {
      await attempt(options, part, before, report);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof HubError) throw cause;
      failures = (await sizeOfPart(part)) - before >= leastBytes ? 0 : failures + 1;
      if (failures >= attempts)
        throw new HubError('network', `${url}: ${reason(cause)} (${attempts} attempts)`, { cause });
      const asked = cause instanceof TryLaterError ? cause.delay : undefined;
      if (asked !== undefined) await wait(asked, signal);
      else if (failures > 0) await wait(Math.min(30_000, retryDelay * 2 ** (failures - 1)), signal);
    }
  }
  report(bytes);
}

/** One request from byte `have` on, appended to `part`. */
async function attempt(
  given: Download,
  part: FileHandle,
  have: number,
  report: (done: number) => void,
): Promise<void> {
  const { idleTimeout = 60_000 } = given;
  const stalled = new AbortController();
  let position = have;
  let before = have;
  const timer = setInterval(() => {
    if (position - before < leastBytes)
      stalled.abort(new Error(`fewer than ${leastBytes} bytes in ${idleTimeout / 1000} s`));
    before = position;
  }, idleTimeout);
  const signal = given.signal ? AbortSignal.any([given.signal, stalled.signal]) : stalled.signal;
  try {
    await request({ ...given, signal }, part, have, (done) => {
      position = done;
      report(done);
    });
  } catch (error) {
    throw stalled.signal.aborted ? stalled.signal.reason : error;
  } finally {
    clearInterval(timer);
  }
}

async function request(
  { url, to, bytes, fetch, headers, signal }: Download,
  part: FileHandle,
  have: number,
  report: (done: number) => void,
): Promise<void> {
  const range: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
  const response = await fetch(url, {
    headers: { ...headers, 'accept-encoding': 'identity', ...range },
    signal,
  });
  const { status } = response;
  if (status !== 200 && status !== 206) {
    await drain(response);
    const later = tryLater(response);
    if (later) throw later;
    throw refusal(url, response);
  }
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? [];
  const start = status === 206 ? Number(first) : 0; // 200: the server sends all of it
  const length = response.headers.get('content-length');
  const whole = status === 206 ? Number(total) : length === null ? bytes : Number(length);
  if (whole !== bytes || (status === 206 && start !== have)) {
    await drain(response);
    throw new HubError('wrong-length', `${url}: expected ${bytes} bytes, the server says ${whole}`);
  }
  if (start === 0) await part.truncate(0);
  let position = start;
  for await (const chunk of chunks(response)) {
    signal?.throwIfAborted();
    if (position + chunk.length > bytes)
      throw new HubError('wrong-length', `${url}: expected ${bytes} bytes, the server sends more`);
    for (let at = 0; at < chunk.length; )
      at += (await part.write(chunk, at, chunk.length - at, position + at).catch(local(to))).bytesWritten;
    position += chunk.length;
    report(position);
  }
  if (position < bytes) throw new Error(`the connection ended at byte ${position} of ${bytes}`);
}

export const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/** Why a server gives nothing, in the hub's own words where it has some. */
export function refusal(
  url: string,
  { status, headers }: Pick<FetchResponse, 'status' | 'headers'>,
): HubError {
  const hint = status === 401 || status === 403 ? ' (does it need HF_TOKEN?)' : '';
  const words = headers.get('x-error-message');
  return new HubError(
    'refused',
    `${url}: the server answered ${status}${words ? `, "${words}"` : ''}${hint}`,
  );
}

/** Of files that did not change since: weights are hashed when they are found, and again when they are opened. */
const hashed = new Map<string, string>();

/** A file's hash in hexadecimal. */
export async function hashOf(file: string, kind: FileHash['kind'] = 'sha256'): Promise<string> {
  const { handle, size } = await openRegular(file);
  try {
    const { mtimeMs, ctimeMs, ino, dev } = await handle.stat();
    const state = [kind, dev, ino, size, mtimeMs, ctimeMs].join(' ');
    const known = hashed.get(state);
    if (known !== undefined) return known;
    const found = await digest(handle.createReadStream({ start: 0, autoClose: false }), kind, size);
    if (hashed.size > 1000) hashed.clear();
    hashed.set(state, found);
    return found;
  } finally {
    await handle.close();
  }
}

async function digest(stream: NodeJS.ReadableStream, kind: FileHash['kind'], size: number): Promise<string> {
  const hash = createHash(kind === 'sha256' ? 'sha256' : 'sha1');
  if (kind === 'git sha1') hash.update(`blob ${size}\0`);
  await pipeline(stream, hash);
  return hash.digest('hex');
}

function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
