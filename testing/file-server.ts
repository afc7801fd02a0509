// A server on localhost that serves one file well or badly.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What may go wrong; each is asked anew for every request, counted from 0. */
export interface Faults {
  /** Cut the connection after so many bytes of the body. */
  readonly cutAfter?: (request: number) => number | undefined;
  /** Answer with this status and no body. */
  readonly status?: (request: number) => number | undefined;
  /** Ignore `Range`. */
  readonly ignoreRanges?: boolean;
  /** Claim another length in Content-Length and Content-Range. */
  readonly claim?: (length: number) => number;
  /** Bytes to send in place of the file's. */
  readonly bytes?: (request: number) => Uint8Array | undefined;
  readonly etag?: (request: number) => string;
}

/** A file with its faults, answering on whatever server. */
export interface ServedFile {
  /** Range header (or undefined) and authorization of every request. */
  readonly requests: { readonly url: string; readonly range?: string; readonly authorization?: string }[];
  /** Setting them forgets the requests so far. */
  faults: Faults;
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void;
}

export interface FileServer extends ServedFile {
  readonly url: string;
  close(): Promise<void>;
}

export function answerFile(file: Uint8Array): ServedFile {
  const state: { faults: Faults; requests: ServedFile['requests'] } = { faults: {}, requests: [] };
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const { faults } = state;
    const { range, authorization } = request.headers;
    const number = state.requests.length;
    state.requests.push({
      url: request.url!,
      ...(range ? { range } : {}),
      ...(authorization ? { authorization } : {}),
    });
    const status = faults.status?.(number);
    if (status !== undefined) {
      response.writeHead(status).end();
      return;
    }
    const bytes = faults.bytes?.(number) ?? file;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
    const partial = first !== undefined && !faults.ignoreRanges;
    const start = partial ? Number(first) : 0;
    const end = Math.min(bytes.length, partial && last ? Number(last) + 1 : bytes.length);
    const claim = faults.claim ?? ((length: number) => length);
    const body = bytes.subarray(start, end);
    response.writeHead(partial ? 206 : 200, {
      'content-length': claim(bytes.length) - bytes.length + body.length,
      etag: faults.etag?.(number) ?? '"1"',
      ...(partial ? { 'content-range': `bytes ${start}-${end - 1}/${claim(bytes.length)}` } : {}),
    });
    const cut = faults.cutAfter?.(number);
    if (cut === undefined || cut >= body.length) response.end(body);
    // Not at once: a reset takes away what has arrived and was not read yet.
    else response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 200));
  };
  return {
    answer,
    requests: state.requests,
    get faults() {
      return state.faults;
    },
    set faults(faults) {
      state.faults = faults;
      state.requests.length = 0;
    },
  };
}

export async function serveFile(file: Uint8Array): Promise<FileServer> {
  const served = answerFile(file);
  const server = createServer(served.answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(served, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
