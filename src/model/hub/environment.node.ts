// The environment variables of Hugging Face's tools, and the network as the system wants it used.
import os from 'node:os';
import path from 'node:path';
import type { EnvHttpProxyAgent } from 'undici';
import { readText } from '../../base/open.node.ts';
import type { Fetch } from '../../formats/http.ts';

type Variables = Readonly<Record<string, string | undefined>>;

export interface HubEnvironment {
  /** Folder of the cache: models--org--name/{blobs,refs,snapshots}. */
  readonly cache: string;
  /** Address of the hub. */
  readonly endpoint: string;
  readonly offline: boolean;
  readonly token: string | undefined;
  readonly fetch: Fetch;
  /** Where OpenAI's own package keeps what it downloads. */
  readonly openaiCache: string;
}

/** HF_HUB_CACHE, HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE, and HTTP(S)_PROXY, NO_PROXY. */
export async function hubEnvironment(env: Variables = process.env): Promise<HubEnvironment> {
  const userCache = env.XDG_CACHE_HOME || path.join(env.HOME || os.homedir(), '.cache');
  const home = env.HF_HOME || path.join(userCache, 'huggingface');
  return {
    cache: env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || path.join(home, 'hub'),
    endpoint: (env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, ''),
    offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? ''),
    token: env.HF_TOKEN?.trim() || (await readToken(env.HF_TOKEN_PATH || path.join(home, 'token'))),
    fetch: proxyFetch(env),
    openaiCache: path.join(env.HOME || os.homedir(), '.cache', 'clip'),
  };
}

const readToken = (file: string): Promise<string | undefined> =>
  readText(file, 2 ** 16).then(
    (text) => text.trim() || undefined,
    () => undefined,
  );

/** `fetch` through the proxies of the environment; it drops the token where a redirect leads to another host. */
function proxyFetch(env: Variables): Fetch {
  const httpProxy = env.http_proxy ?? env.HTTP_PROXY;
  const httpsProxy = env.https_proxy ?? env.HTTPS_PROXY ?? env.all_proxy ?? env.ALL_PROXY;
  const noProxy = env.no_proxy ?? env.NO_PROXY;
  if (!httpProxy && !httpsProxy) return (url, init) => fetch(url, { ...init, signal: init.signal ?? null });
  let agent: EnvHttpProxyAgent | undefined;
  return async (url, { headers, signal, method = 'GET', redirect }) => {
    const undici = await import('undici');
    agent ??= new undici.EnvHttpProxyAgent({
      ...(httpProxy ? { httpProxy } : {}),
      ...(httpsProxy ? { httpsProxy } : {}),
      ...(noProxy ? { noProxy } : {}),
    });
    return undici.fetch(url, {
      headers,
      method,
      redirect: redirect ?? 'follow',
      signal: signal ?? null,
      dispatcher: agent,
    });
  };
}
