// What the hub says of a file before it sends it: commit, length, hash.
import { drain, type FetchResponse, tryLater, withRetries } from '../../formats/http.ts';
import { type FileHash, refusal } from './download.node.ts';
import type { HubEnvironment } from './environment.node.ts';
import { HubError } from './errors.ts';

export interface Announced {
  /** Commit that the revision stands for; undefined where the server is no hub. */
  readonly commit: string | undefined;
  readonly bytes: number;
  readonly hash: FileHash;
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  readonly attempts?: number;
  readonly retryDelay?: number;
}

export const hubHeaders = ({ token }: HubEnvironment): Record<string, string> =>
  token ? { authorization: `Bearer ${token}` } : {};

/** Address of a file on the hub. */
export const hubAddress = (
  { endpoint }: HubEnvironment,
  repo: string,
  revision: string,
  path: string,
): string => `${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${path}`;

const longestChain = 5;

/**
 * Asks without following to where the bytes are: that host does not know the hash. Moved repositories are followed.
 * @returns undefined where there is no such file
 * @throws HubError
 */
export async function askHub(
  env: HubEnvironment,
  { repo, revision, path }: { readonly repo: string; readonly revision: string; readonly path: string },
  { signal, attempts = 5, retryDelay = 1000 }: AskOptions = {},
): Promise<Announced | undefined> {
  const url = hubAddress(env, repo, revision, path);
  let at = url;
  for (let i = 0; i < longestChain; i++) {
    const response = await head(env, at, { signal, attempts, retryDelay });
    const { status, headers } = response;
    const location = headers.get('location');
    const announced = announcement(headers);
    if (announced) return announced;
    if (status >= 300 && status < 400 && location !== null) {
      const next = new URL(location, at);
      if (next.origin !== new URL(at).origin) break; // where the bytes are, with no word of their hash
      at = next.href;
      continue;
    }
    if (status === 404 && headers.get('x-error-code') !== 'RepoNotFound') return undefined;
    if (status !== 200) throw refusal(url, response);
    break;
  }
  throw new HubError(
    'refused',
    `${url}: the server announces no length and no hash to hold the file against`,
  );
}

async function head(
  env: HubEnvironment,
  url: string,
  { signal, attempts = 5, retryDelay = 1000 }: AskOptions,
): Promise<FetchResponse> {
  try {
    return await withRetries({ attempts, retryDelay, ...(signal ? { signal } : {}) }, url, async () => {
      const response = await env.fetch(url, {
        method: 'HEAD',
        redirect: 'manual',
        headers: { ...hubHeaders(env), 'accept-encoding': 'identity' },
        signal,
      });
      await drain(response);
      const later = tryLater(response);
      if (later) throw later;
      return response;
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new HubError('network', (cause as Error).message, { cause });
  }
}

/** Large files: X-Linked-ETag is their sha256; small ones: ETag is git's. */
function announcement(headers: FetchResponse['headers']): Announced | undefined {
  const tag = (name: string) => headers.get(name)?.replace(/^W\//, '').replaceAll('"', '');
  const linked = tag('x-linked-etag');
  const value = linked ?? tag('etag') ?? '';
  const bytes = Number(headers.get(linked === undefined ? 'content-length' : 'x-linked-size') ?? Number.NaN);
  const kind = /^[0-9a-f]{64}$/.test(value)
    ? 'sha256'
    : /^[0-9a-f]{40}$/.test(value)
      ? 'git sha1'
      : undefined;
  if (kind === undefined || !Number.isSafeInteger(bytes) || bytes < 0) return undefined;
  const commit = headers.get('x-repo-commit') ?? '';
  return {
    commit: /^[0-9a-f]{40}$/.test(commit) ? commit : undefined,
    bytes,
    hash: { kind, value },
  };
}
