// A site on localhost under a strict Content-Security-Policy: bundles from memory, folders, and single files.
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { answerFile, type ServedFile } from '../file-server.ts';

/** No inline script, no eval, no blob: workers, nothing from elsewhere. */
export const strictPolicy =
  "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self' blob: data:; style-src 'self'";

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
};

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Site {
  readonly url: string;
  /** Path -> file's bytes, or what answers there. */
  readonly files: Map<string, Uint8Array | string | Answer>;
  /** Serves a file with ranges and an ETag, and with faults where they are asked for. */
  serve(name: string, file: Uint8Array): ServedFile;
  /** Content-Security-Policy of what comes from the disk and from `files`; default: the strict one. */
  policy: string;
  /** Paths asked for, in order. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** @param folders path prefix -> folder on the disk */
export async function openSite(folders: Readonly<Record<string, string>> = {}): Promise<Site> {
  const files: Site['files'] = new Map([['/favicon.ico', '']]);
  const requests: string[] = [];
  const find = async (name: string) => {
    const known = files.get(name);
    if (known !== undefined) return known;
    const prefix = Object.keys(folders).find((start) => name.startsWith(start));
    if (prefix === undefined || name.includes('..')) return undefined;
    return readFile(path.join(folders[prefix]!, name.slice(prefix.length))).catch(() => undefined);
  };
  const server = createServer(async (request, response) => {
    const name = decodeURIComponent(new URL(request.url!, 'http://x').pathname);
    requests.push(name);
    const found = await find(name);
    if (typeof found === 'function') return found(request, response);
    const headers = {
      'content-security-policy': site.policy,
      'content-type': types[path.extname(name)] ?? 'application/octet-stream',
    };
    response.writeHead(found === undefined ? 404 : 200, headers).end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const site: Site = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    requests,
    policy: strictPolicy,
    serve(name, file) {
      const served = answerFile(file);
      files.set(name, served.answer);
      return served;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return site;
}
