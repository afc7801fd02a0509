// One file from an address, in order, as segments; a connection that is cut goes on where it stopped.

import { UnreachableError } from '../../formats/errors.ts';
import { chunks, drain, withRetries } from '../../formats/http.ts';

export interface Segments {
  /** Called once, with the size (0: nobody knows). @returns bytes that are there already and need not come again */
  begin(bytes: number, version: string | null): Promise<number>;
  append(segment: Uint8Array<ArrayBuffer>): Promise<void>;
}

export interface DownloadOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes: (done: number, total: number) => void;
  readonly segmentBytes: number;
  /** Attempts in a row that bring nothing before giving up. */
  readonly attempts?: number;
  /** Wait before the second attempt in ms; doubles each time. */
  readonly retryDelay?: number;
}

/** Bytes of a body whose length the server does not say: it may have no end, and the storage has. */
const maxUnannounced = 4 * 2 ** 30;

/** A body that is longer than it may be: what came of it is worth nothing. */
export class TooLongError extends UnreachableError {}

/** No use in trying again where the browser knows that it is offline. */
export const attempts = (): number => (globalThis.navigator?.onLine === false ? 1 : 5);

/** What tells two states of a file apart; servers elsewhere may not show it. */
export const versionOf = (headers: Headers): string | null =>
  headers.get('etag')?.replace(/^W\//, '') ?? headers.get('last-modified');

/** What a server says of a file; `total` undefined where it does not say, or what it says is of a compressed form. */
interface State {
  readonly total: number | undefined;
  readonly version: string | null;
}

/**
 * @param known a part that is there from before: asked to go on behind it, if the server still has that version
 * @throws UnreachableError, what `segments` throws, or the signal's reason
 */
export async function download(
  url: string,
  segments: Segments,
  known: (State & { readonly bytes: number }) | undefined,
  options: DownloadOptions,
): Promise<void> {
  const { headers = {}, signal, onBytes, attempts: most = attempts(), retryDelay = 500 } = options;
  const name = url.replace(/[?#].*$/, '');
  const collected = collect(segments, options.segmentBytes, known?.bytes ?? 0);
  let before: State | undefined = known;
  let begun = false;

  const attempt = async (progress: () => void) => {
    const have = collected.bytes;
    const range: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
    // no-store: the browser's own cache would keep a second copy.
    const init: RequestInit = {
      headers: { ...headers, ...range },
      signal: signal ?? null,
      cache: 'no-store',
    };
    const response = await fetch(url, init);
    const { status } = response;
    const changed = async (): Promise<never> => {
      await drain(response);
      if (begun)
        throw new UnreachableError({ file: name, expected: 'the same file as before', found: 'another one' });
      before = undefined; // not the file that a part was there of: from its start
      collected.restart(0);
      throw new Error('the file changed on the server');
    };
    if (status === 416 && before) return changed();
    if (status !== 200 && status !== 206) {
      await drain(response);
      if (status >= 500 || status === 429 || status === 408) throw new Error(`the server answered ${status}`);
      throw new UnreachableError({ file: name, expected: 'status 200', found: `status ${status}` });
    }
    const start = status === 206 ? have : 0;
    const state = { total: totalOf(response, start), version: versionOf(response.headers) };
    if (before && (before.version !== state.version || before.total !== state.total)) return changed();
    before = state;
    if (!begun) {
      collected.restart(await guard(segments.begin(state.total ?? 0, state.version)));
      begun = true;
      if (collected.bytes < start) {
        await drain(response);
        throw new Error('what was stored is damaged');
      }
    }
    let skip = collected.bytes - start; // a server without ranges sends all of it again
    for await (const chunk of chunks(response)) {
      const fresh = chunk.subarray(Math.min(skip, chunk.length));
      const limit = state.total ?? maxUnannounced;
      if (collected.bytes + fresh.length > limit)
        throw new TooLongError({
          file: name,
          expected: `at most ${limit} bytes`,
          found: 'a body that goes on',
        });
      skip -= chunk.length - fresh.length;
      await collected.take(fresh);
      progress();
      onBytes(collected.bytes, Math.max(collected.bytes, state.total ?? 0));
    }
    if (collected.bytes < (state.total ?? 0))
      throw new Error(`the connection ended at byte ${collected.bytes} of ${state.total}`);
    await collected.flush();
  };
  const isFinal = (error: unknown) => error instanceof StorageFailure;
  try {
    await withRetries({ attempts: most, retryDelay, ...(signal ? { signal } : {}) }, name, attempt, isFinal);
  } catch (error) {
    throw error instanceof StorageFailure ? error.cause : error;
  }
}

function totalOf({ headers }: Response, start: number): number | undefined {
  const length = headers.get('content-length');
  const coding = headers.get('content-encoding') ?? 'identity';
  return length === null || coding !== 'identity' ? undefined : start + Number(length);
}

/** Cuts a stream into segments. */
function collect(segments: Segments, size: number, stored: number) {
  let bytes = stored;
  let buffer = new Uint8Array(0);
  let filled = 0;
  const flush = async () => {
    if (filled === 0) return;
    const segment = buffer.slice(0, filled);
    filled = 0;
    await guard(segments.append(segment));
  };
  return {
    /** Bytes that came so far. */
    get bytes() {
      return bytes;
    },
    restart(from: number) {
      bytes = from;
      filled = 0;
    },
    async take(chunk: Uint8Array) {
      for (let rest = chunk; rest.length > 0; ) {
        if (buffer.length < size) buffer = new Uint8Array(size);
        const piece = rest.subarray(0, size - filled);
        buffer.set(piece, filled);
        filled += piece.length;
        bytes += piece.length;
        rest = rest.subarray(piece.length);
        if (filled === size) await flush();
      }
    },
    flush,
  };
}

/** A failure of the store is no reason to ask the server again. */
class StorageFailure extends Error {
  constructor(override readonly cause: unknown) {
    super('storage');
  }
}

const guard = <T>(work: Promise<T>): Promise<T> =>
  work.catch((cause: unknown) => {
    throw new StorageFailure(cause);
  });
