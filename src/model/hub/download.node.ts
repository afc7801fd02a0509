// Downloading one file: goes on after a cut, and ends only with the right bytes under the final name.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
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
}

/** @throws HubError; what came so far stays for the next call, unless it is wrong */
export async function download(options: Download): Promise<void> {
  const { url, to, hash, bytes, onProgress, signal, attempts = 5, retryDelay = 1000 } = options;
  const part = `${to}.incomplete`;
  await mkdir(path.dirname(to), { recursive: true });
  let most = 0;
  const report = (done: number) => {
    most = Math.max(most, done);
    onProgress?.(most, bytes);
  };
  let failures = 0;
  for (;;) {
    signal?.throwIfAborted();
    const before = await sizeOf(part);
    if (before > bytes)
      await rm(part); // left over from something else
    else if (before === bytes) break;
    try {
      await attempt(options, part, before > bytes ? 0 : before, report);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof HubError) throw cause;
      failures = (await sizeOf(part)) > before ? 0 : failures + 1;
      if (failures >= attempts)
        throw new HubError('network', `${url}: ${reason(cause)} (${attempts} attempts)`, { cause });
      const asked = cause instanceof TryLaterError ? cause.delay : undefined;
      if (asked !== undefined) await wait(asked, signal);
      else if (failures > 0) await wait(Math.min(30_000, retryDelay * 2 ** (failures - 1)), signal);
    }
  }
  report(bytes);
  const found = await hashOf(part, hash.kind);
  if (found !== hash.value) {
    await rm(part);
    throw new HubError(
      'wrong-checksum',
      `${url}: expected ${hash.kind} ${hash.value}, found ${found}: not kept`,
    );
  }
  const handle = await open(part, 'r+');
  await handle.sync().finally(() => handle.close());
  await rename(part, to);
}

/** One request from byte `have` on, appended to `part`. */
async function attempt(
  { url, bytes, fetch, headers, signal }: Download,
  part: string,
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
  const handle = await open(part, start > 0 ? 'r+' : 'w');
  try {
    let position = start;
    for await (const chunk of chunks(response)) {
      if (position + chunk.length > bytes)
        throw new HubError('wrong-length', `${url}: expected ${bytes} bytes, the server sends more`);
      for (let at = 0; at < chunk.length; )
        at += (await handle.write(chunk, at, chunk.length - at, position + at)).bytesWritten;
      position += chunk.length;
      report(position);
    }
    if (position < bytes) throw new Error(`the connection ended at byte ${position} of ${bytes}`);
  } finally {
    await handle.close();
  }
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

/** A file's hash in hexadecimal. */
export async function hashOf(file: string, kind: FileHash['kind'] = 'sha256'): Promise<string> {
  const hash = createHash(kind === 'sha256' ? 'sha256' : 'sha1');
  if (kind === 'git sha1') hash.update(`blob ${await sizeOf(file)}\0`);
  await pipeline(createReadStream(file), hash);
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
