// Random access to a file on an HTTP server, by ranges: in Node and in browsers.

import { UnreachableError, WeightsError } from './errors.ts';
import type { ByteSource } from './source.ts';

/** The part of `fetch` that is used, so that another implementation can stand in. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>;
export interface FetchInit {
  readonly headers: Record<string, string>;
  /** Default GET. */
  readonly method?: 'HEAD';
  /** Default: redirects are followed. */
  readonly redirect?: 'manual';
  readonly signal?: AbortSignal | undefined;
}
export interface FetchResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> | null;
}

export interface HttpOptions {
  readonly fetch?: Fetch;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Attempts in a row that bring nothing before giving up. */
  readonly attempts?: number;
  /** Wait before the second attempt in ms; doubles each time. */
  readonly retryDelay?: number;
}

/** Bytes of the blocks that small reads are served from: a model has hundreds of small tensors. */
const blockSize = 4 * 2 ** 20;

/** Opens an address for range requests. @throws WeightsError if it is not served, or not by ranges */
export async function httpSource(url: string, options: HttpOptions = {}): Promise<ByteSource> {
  const name = url.replace(/[?#].*$/, '');
  const probe = await withRetries(options, name, () => request({ url, name }, 0, 1, options));
  const { size, version } = probe;
  await drain(probe.response);
  const source: ByteSource = {
    name,
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const before = done;
        // A connection that was cut goes on where it stopped.
        await withRetries(options, name, async (progress) => {
          const answer = await request({ url, name }, offset + done, length - done, options);
          if (answer.size !== size || answer.version !== version) {
            await drain(answer.response);
            throw new WeightsError({
              file: name,
              expected: `the same file as before (${size} bytes)`,
              found: 'another one: it changed on the server',
            });
          }
          for await (const chunk of chunks(answer.response)) {
            if (chunk.length > length - done)
              throw new WeightsError({ file: name, expected: `${length} bytes`, found: 'more' });
            bytes.set(chunk, done);
            done += chunk.length;
            progress();
          }
          if (done < length) throw new Error('the connection ended early');
        });
        if (done === before) break;
      }
      return bytes;
    },
  };
  return readAhead(source);
}

/** Serves small reads from the last block, so that neighbouring tensors share a request. */
export function readAhead(source: ByteSource, size = blockSize): ByteSource {
  let block: { start: number; bytes: Promise<Uint8Array<ArrayBuffer>> } | undefined;
  return {
    name: source.name,
    size: source.size,
    async read(offset, length) {
      if (length >= size) return source.read(offset, length);
      const end = block ? Math.min(block.start + size, source.size) : 0;
      if (!block || offset < block.start || offset + length > end) {
        const made = { start: offset, bytes: source.read(offset, Math.min(size, source.size - offset)) };
        made.bytes.catch(() => {
          if (block === made) block = undefined;
        });
        block = made;
      }
      const { start, bytes } = block;
      return (await bytes).slice(offset - start, offset - start + length);
    },
  };
}

interface Answer {
  readonly response: FetchResponse;
  readonly size: number;
  /** ETag: two answers with different ones are of different files. */
  readonly version: string | null;
}

async function request(
  { url, name }: { readonly url: string; readonly name: string },
  offset: number,
  length: number,
  { fetch = globalThis.fetch, headers = {}, signal }: HttpOptions,
): Promise<Answer> {
  const range = `bytes=${offset}-${offset + length - 1}`;
  const response = await fetch(url, {
    headers: { ...headers, range, 'accept-encoding': 'identity' },
    signal,
  });
  const contentRange = response.headers.get('content-range');
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange ?? '') ?? [];
  if (response.status === 206 && Number(first) === offset && Number(last) <= offset + length - 1)
    return { response, size: Number(total), version: response.headers.get('etag') };
  await drain(response);
  const later = tryLater(response);
  if (later) throw later;
  throw new UnreachableError({
    file: name,
    expected: `status 206 and ${range}`,
    found:
      response.status === 200
        ? 'status 200: this server does not serve ranges'
        : `status ${response.status}${contentRange ? ` and ${contentRange}` : ''}`,
  });
}

/**
 * Runs `attempt` until it succeeds; typed errors, aborts and what else is `final` end it, and so do attempts without
 * progress.
 */
export async function withRetries<T>(
  { attempts = 5, retryDelay = 500, signal }: HttpOptions,
  file: string,
  attempt: (progress: () => void) => Promise<T>,
  final: (error: unknown) => boolean = () => false,
): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await attempt(() => {
        failures = 0;
      });
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof WeightsError || final(cause)) throw cause;
      failures += 1;
      if (failures >= attempts)
        throw new UnreachableError({ file, expected: 'a readable address', found: reason(cause) }, { cause });
      const asked = cause instanceof TryLaterError ? cause.delay : undefined;
      await new Promise((resolve) => setTimeout(resolve, asked ?? retryDelay * 2 ** (failures - 1)));
      signal?.throwIfAborted();
    }
  }
}

/** An answer that asks to come back later. */
export class TryLaterError extends Error {
  override readonly name = 'TryLaterError';
  /** @param delay milliseconds that the server asks for, at most `longestDelay`; undefined: it does not say */
  constructor(
    status: number,
    readonly delay: number | undefined,
  ) {
    super(`the server answered ${status}${delay === undefined ? '' : `, try again in ${delay / 1000} s`}`);
  }
}

/** No server is waited for any longer than this at a time, in ms. */
const longestDelay = 120_000;

/** 5xx, 408 and 429 pass; Retry-After is seconds or a date. undefined for other answers. */
export function tryLater(
  { status, headers }: Pick<FetchResponse, 'status' | 'headers'>,
  now = Date.now(),
): TryLaterError | undefined {
  if (status < 500 && status !== 429 && status !== 408) return undefined;
  const text = headers.get('retry-after') ?? '';
  const asked = /^\d+$/.test(text.trim()) ? 1000 * Number(text) : Date.parse(text) - now;
  return new TryLaterError(status, asked >= 0 ? Math.min(asked, longestDelay) : undefined);
}

/** fetch says "fetch failed" and hides why in its cause. */
export function reason(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { message?: string; code?: string } };
  return [message ?? String(error), cause?.code ?? cause?.message].filter(Boolean).join(': ');
}

export async function* chunks({ body }: FetchResponse): AsyncGenerator<Uint8Array> {
  if (!body) return;
  if (!('getReader' in body)) {
    yield* body;
    return;
  }
  // Not every browser iterates streams.
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** A body that may have no end, whatever length it announces. @param tooLong throws, beyond `most` bytes */
export async function bodyParts(
  response: FetchResponse,
  most: number,
  tooLong: () => never,
): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks(response)) {
    size += chunk.length;
    if (size > most) tooLong();
    parts.push(chunk);
  }
  return parts;
}

/** Ends a response that nobody reads. */
export async function drain(response: FetchResponse): Promise<void> {
  for await (const _ of chunks(response)) break;
}
