// A hub on localhost as a page meets one: files below /org/name/resolve/revision/, other origins allowed, ranges.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerFile, type ServedFile } from './file-server.ts';

export interface PageHub {
  readonly url: string;
  /** By the end of their path; their faults can be set. */
  readonly files: ReadonlyMap<string, ServedFile>;
  close(): Promise<void>;
}

/** @param contents by org/name/.../file; whatever the revision */
export async function startPageHub(contents: Readonly<Record<string, Uint8Array>>): Promise<PageHub> {
  const files = new Map(Object.entries(contents).map(([name, bytes]) => [name, answerFile(bytes)]));
  const server = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', '*');
    response.setHeader('access-control-expose-headers', '*');
    if (request.method === 'OPTIONS') return response.writeHead(204).end();
    const [, repo, name] = /^\/([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/.exec(request.url!) ?? [];
    const file = files.get(`${repo}/${name}`);
    return file ? file.answer(request, response) : response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
