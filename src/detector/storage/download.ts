// One file from an address, in order, as segments; a connection that is cut goes on where it stopped.
import { chunks, drain, withRetries } from '../../model/checkpoint/http.ts';
import { UnreachableError } from '../../model/errors.ts';

export interface Segments {
  /** Called once the size is known. @returns bytes that are there already and need not come again */
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

/** What tells two states of a file apart; servers elsewhere may not show it. */
export const versionOf = (headers: Headers): string | null =>
  headers.get('etag')?.replace(/^W\//, '') ?? headers.get('last-modified');

/**
 * @param known a part that is there from before: asked to go on behind it, if the server still has that version
 * @throws UnreachableError, what `segments` throws, or the signal's reason
 */
export async function download(
  url: string,
  segments: Segments,
  known: { readonly bytes: number; readonly total: number; readonly version: string | null } | undefined,
  options: DownloadOptions,
): Promise<void> {
  const { headers = {}, signal, onBytes, segmentBytes, attempts = 5, retryDelay = 500 } = options;
  const name = url.replace(/[?#].*$/, '');
  let buffer: Uint8Array<ArrayBuffer> | undefined;
  let filled = 0;
  let stored = known?.bytes ?? 0;
  let begun: { total: number; version: string | null } | undefined;
  const unreachable = (expected: string, found: string) =>
    new UnreachableError({ file: name, expected, found });
  // Failures of the store are no reason to ask the server again.
  const guard = async <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => {
      throw new StorageFailure(cause);
    });

  const attempt = async (progress: () => void) => {
    const have = stored + filled;
    const response = await fetch(url, {
      headers: { ...headers, ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
      signal: signal ?? null,
    });
    const { status } = response;
    if (status !== 200 && status !== 206) {
      await drain(response);
      if (status === 416 && !begun && known) {
        known = undefined; // it is shorter now
        stored = 0;
        throw new Error('the file changed on the server');
      }
      if (status >= 500 || status === 429 || status === 408) throw new Error(`the server answered ${status}`);
      throw unreachable('status 200', `status ${status}`);
    }
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const start = status === 206 ? have : 0;
    const total = start + length;
    const version = versionOf(response.headers);
    const before = begun ?? known;
    const same = before === undefined || (before.version === version && before.total === total);
    if (!begun || !same) {
      if (begun) throw unreachable(`the same file as before (${begun.total} bytes)`, 'another one');
      if (!Number.isSafeInteger(total)) throw unreachable('a Content-Length', 'none');
      begun = { total, version };
      stored = await guard(segments.begin(total, version));
      if (status === 206 && stored !== have) {
        await drain(response); // another file than the part that was there: from its start
        throw new Error('the file changed on the server');
      }
    }
    let skip = stored + filled - start; // a server without ranges sends all of it again
    for await (const chunk of chunks(response)) {
      let rest = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - rest.length;
      if (stored + filled + rest.length > total) throw unreachable(`${total} bytes`, 'more');
      while (rest.length > 0) {
        buffer ??= new Uint8Array(Math.min(segmentBytes, total - stored));
        const piece = rest.subarray(0, buffer.length - filled);
        buffer.set(piece, filled);
        filled += piece.length;
        rest = rest.subarray(piece.length);
        if (filled < buffer.length) continue;
        await guard(segments.append(buffer));
        stored += filled;
        filled = 0;
        buffer = undefined;
      }
      progress();
      onBytes(stored + filled, total);
    }
    if (stored + filled < total)
      throw new Error(`the connection ended at byte ${stored + filled} of ${total}`);
  };
  try {
    await withRetries(
      { attempts, retryDelay, ...(signal ? { signal } : {}) },
      name,
      attempt,
      (error) => error instanceof StorageFailure,
    );
  } catch (error) {
    throw error instanceof StorageFailure ? error.cause : error;
  }
}

class StorageFailure extends Error {
  constructor(override readonly cause: unknown) {
    super('storage');
  }
}
