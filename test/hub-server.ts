// A hub on localhost that behaves as Hugging Face's does: files are announced by /resolve and kept on another host,
// whose addresses are signed for one use; small files are answered at once.
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerFile, type ServedFile } from '../testing/file-server.ts';

export const commit = '0123456789012345678901234567890123456789';
const large = 1000; // bytes; from here on a file is in large-file storage

export interface Repository {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** Who may see it; default: everybody. */
  readonly token?: string;
  /** The name under which it is now. */
  readonly movedTo?: string;
}

export interface HubServer {
  readonly url: string;
  readonly storage: string;
  /** `METHOD path` on the hub, `storage METHOD` with what the file's server notes. */
  readonly requests: string[];
  /** Authorization headers that the storage saw. */
  readonly seenByStorage: string[];
  readonly repositories: Map<string, Repository>;
  /** Answers of the hub before its own: a status, with headers. */
  readonly first: { status: number; headers?: Record<string, string> }[];
  /** The file in the storage, to give it faults. */
  stored(file: Uint8Array): ServedFile;
  close(): Promise<void>;
}

const gitHash = (bytes: Uint8Array) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export async function startHub(): Promise<HubServer> {
  const requests: string[] = [];
  const seenByStorage: string[] = [];
  const repositories: HubServer['repositories'] = new Map();
  const first: HubServer['first'] = [];
  const stored = new Map<string, ServedFile>();
  const signed = new Map<string, string>();
  const store = (bytes: Uint8Array): ServedFile => {
    const key = sha256(bytes);
    const served = stored.get(key) ?? answerFile(bytes);
    stored.set(key, served);
    return served;
  };

  const storage = createServer((request, response) => {
    seenByStorage.push(request.headers.authorization ?? '');
    const key = signed.get(request.url!);
    requests.push(`storage ${request.method} ${request.headers.range ?? ''}`.trim());
    if (key === undefined) return response.writeHead(403).end();
    signed.delete(request.url!);
    return stored.get(key)!.answer(request, response);
  });
  await new Promise<void>((resolve) => storage.listen(0, '127.0.0.1', resolve));
  const storageUrl = `http://localhost:${(storage.address() as AddressInfo).port}`;

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`);
    const given = first.shift();
    if (given) return response.writeHead(given.status, given.headers).end();
    const [, repo = '', revision = '', path = ''] =
      /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(request.url!) ?? [];
    const repository = repositories.get(repo);
    const fail = (status: number, code: string, message: string) =>
      response.writeHead(status, { 'x-error-code': code, 'x-error-message': message }).end();
    if (repository?.token && request.headers.authorization !== `Bearer ${repository.token}`)
      return fail(401, 'GatedRepo', 'Access to this model is restricted.');
    if (!repository) return fail(401, 'RepoNotFound', 'Invalid username or password.');
    if (repository.movedTo)
      return response.writeHead(307, { location: request.url!.replace(repo, repository.movedTo) }).end();
    if (revision !== 'main' && revision !== commit)
      return fail(404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    const content = repository.files[path];
    if (content === undefined) return fail(404, 'EntryNotFound', 'Entry not found');
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    if (bytes.length < large) {
      const headers = {
        etag: `"${gitHash(bytes)}"`,
        'x-repo-commit': commit,
        'content-length': bytes.length,
      };
      return response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : bytes);
    }
    store(bytes);
    const place = `/${randomUUID()}?Signature=x`;
    signed.set(place, sha256(bytes));
    return response
      .writeHead(302, {
        location: `${storageUrl}${place}`,
        'x-linked-etag': `"${sha256(bytes)}"`,
        'x-linked-size': bytes.length,
        'x-repo-commit': commit,
        etag: '"of-the-redirect"',
      })
      .end();
  };
  const hub = createServer(answer);
  await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`,
    storage: storageUrl,
    requests,
    seenByStorage,
    repositories,
    first,
    stored: store,
    async close() {
      for (const server of [hub, storage]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}
