// Known models in the cache folder of Hugging Face's tools: finding, pulling and verifying them.
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { readText } from '../../base/open.node.ts';
import { WeightsError } from '../../formats/errors.ts';
import { type AskOptions, askHub, hubAddress, hubHeaders } from './announced.node.ts';
import {
  blobFile,
  findFile,
  keep,
  link,
  type PinnedFile,
  pinned,
  snapshotFolder,
  writeRef,
} from './cache.node.ts';
import { download, type FileHash, hashOf } from './download.node.ts';
import type { HubEnvironment } from './environment.node.ts';
import { HubError } from './errors.ts';
import { type KnownFile, type KnownModel, type KnownSource, parseManifest, sourcesOf } from './manifest.ts';

/** Reads a manifest. @throws WeightsError */
export async function readManifest(file: string): Promise<KnownModel[]> {
  const text = await readText(file, 16 * 2 ** 20).catch((cause: Error) => {
    throw new WeightsError({ file, expected: 'a readable list of models', found: cause.message }, { cause });
  });
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new WeightsError(
      { file, expected: 'a list of models as JSON', found: (cause as Error).message },
      { cause },
    );
  }
  return parseManifest(list, file);
}

/** @throws HubError naming the known models */
export function findModel(models: readonly KnownModel[], name: string): KnownModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model) return model;
  const known = models.map((candidate) => candidate.name).join(', ');
  throw new HubError('unknown-model', `no model "${name}"; known: ${known}`);
}

/** Path of a model's weights, from whichever source all files are there; undefined where none is whole. */
export async function modelPath(env: HubEnvironment, model: KnownModel): Promise<string | undefined> {
  for (const source of sourcesOf(model)) {
    const files = await Promise.all(source.files.map((file) => findFile(env, source, file)));
    if (!files.includes(undefined)) return files[0];
  }
  return undefined;
}

export interface PullOptions extends AskOptions {
  /** Bytes so far of all files; never falls while one source lasts. */
  readonly onProgress?: (done: number, total: number) => void;
  /** A source failed, and the next one is tried. */
  readonly onFallback?: (failure: HubError, next: KnownSource) => void;
}

/**
 * Makes a model's files present and returns the path of its weights. What is there already is not downloaded again; where
 * a source is gone or gives other bytes, the next one is tried.
 * @throws HubError with every source's failure
 */
export async function pullModel(
  env: HubEnvironment,
  model: KnownModel,
  { onFallback, ...options }: PullOptions = {},
): Promise<string> {
  const there = await modelPath(env, model);
  if (there === undefined && env.offline)
    throw new HubError(
      'offline',
      `${model.name}: ${model.files[0].path} is not in the cache, and HF_HUB_OFFLINE is set`,
    );
  const sources = sourcesOf(model);
  const failures: HubError[] = [];
  for (const [i, source] of sources.entries()) {
    try {
      // Where there is another place, a dead one is not waited for long.
      return await pullSource(env, source, sources[i + 1] ? { attempts: 3, ...options } : options);
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      failures.push(error);
      const next = sources[i + 1];
      if (next) onFallback?.(error, next);
    }
  }
  const [first] = failures;
  if (failures.length === 1) throw first!;
  throw new HubError(first!.kind, failures.map(({ message }) => message).join('; '), { cause: first });
}

/** Gets one source's files. @throws HubError */
export async function pullSource(
  env: HubEnvironment,
  source: KnownSource,
  { onProgress, ...options }: PullOptions = {},
): Promise<string> {
  const files: PinnedFile[] = [];
  for (const file of source.files) files.push(await pin(env, source, file, options));
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  for (const file of files) {
    if (!(await isThere(env, source, file)))
      await download({
        ...options,
        url: file.url ?? hubAddress(env, source.repo, source.revision, file.path),
        to: blobFile(env, source.repo, file.hash),
        hash: file.hash,
        bytes: file.bytes,
        fetch: env.fetch,
        // The token is the hub's: other addresses do not see it.
        headers: file.url === undefined ? hubHeaders(env) : {},
        onProgress: (done) => onProgress?.(before + done, total),
      });
    await link(env, source, file);
    before += file.bytes;
    onProgress?.(before, total);
  }
  return (await findPinned(env, source, files[0]!))!;
}

/** With the right bytes: what has the right length only is downloaded again. */
async function isThere(env: HubEnvironment, source: KnownSource, file: PinnedFile): Promise<boolean> {
  const found = await findPinned(env, source, file);
  return found !== undefined && (await hashOf(found, file.hash.kind)) === file.hash.value;
}

const findPinned = (env: HubEnvironment, source: KnownSource, { hash, ...file }: PinnedFile) =>
  findFile(env, source, {
    path: file.path,
    bytes: file.bytes,
    ...(file.url === undefined ? {} : { url: file.url }),
    ...(hash.kind === 'sha256' ? { sha256: hash.value } : {}),
  });

/** Length and hash of a file: from the manifest, from an earlier pull, or what the hub announces, which is kept. */
async function pin(
  env: HubEnvironment,
  source: KnownSource,
  file: KnownFile,
  options: AskOptions,
): Promise<PinnedFile> {
  const known = await pinned(env, source, file);
  if (known) return known;
  const { repo, revision } = source;
  const announced = await askHub(env, { repo, revision, path: file.path }, options);
  const address = hubAddress(env, repo, revision, file.path);
  if (!announced) throw new HubError('refused', `${address}: the server answered 404`);
  const { commit, bytes, hash } = announced;
  if (file.sha256 !== undefined && hash.kind === 'sha256' && hash.value !== file.sha256)
    throw new HubError(
      'wrong-checksum',
      `${address}: expected sha256 ${file.sha256}, the server announces ${hash.value}`,
    );
  if (file.bytes !== undefined && bytes !== file.bytes)
    throw new HubError('wrong-length', `${address}: expected ${file.bytes} bytes, the server says ${bytes}`);
  if (commit !== undefined) await writeRef(env, repo, revision, commit);
  const made: PinnedFile = {
    path: file.path,
    bytes,
    hash: file.sha256 === undefined ? hash : { kind: 'sha256', value: file.sha256 },
  };
  await keep(env, source, made);
  return made;
}

/**
 * Path of a model's weights whose bytes are what the manifest says; undefined where they are not there.
 * @throws HubError for other bytes
 */
export async function wholeModelPath(env: HubEnvironment, model: KnownModel): Promise<string | undefined> {
  const found = await modelPath(env, model);
  if (found === undefined) return undefined;
  const damaged = (await verifyModel(env, model)).find(({ state }) => state === 'damaged');
  if (damaged)
    throw new HubError(
      'wrong-checksum',
      `${damaged.file}: expected the bytes of ${model.name}, found others: faprompt weights pull ${model.name} gets them again`,
    );
  return found;
}

export interface Verified {
  readonly file: string;
  /** `unknown`: there is no hash to hold it against. */
  readonly state: 'whole' | 'damaged' | 'missing' | 'unknown';
}

/** Hashes the files of a model's source that is there. A length that differs counts as missing: it is not used either. */
export async function verifyModel(env: HubEnvironment, model: KnownModel): Promise<Verified[]> {
  const sources = sourcesOf(model);
  let chosen = sources[0]!;
  for (const source of sources.reverse())
    if ((await findFile(env, source, source.files[0])) !== undefined) chosen = source;
  const results: Verified[] = [];
  for (const file of chosen.files) {
    const found = await findFile(env, chosen, file);
    const missing = {
      file: path.join(await snapshotFolder(env, chosen), file.path),
      state: 'missing',
    } as const;
    results.push(
      found === undefined ? missing : { file: found, state: await stateOf(env, chosen, file, found) },
    );
  }
  return results;
}

async function stateOf(
  env: HubEnvironment,
  source: KnownSource,
  file: KnownFile,
  found: string,
): Promise<Verified['state']> {
  const hash = (await pinned(env, source, file))?.hash ?? (await nameAsHash(found));
  if (!hash) return 'unknown';
  return (await hashOf(found, hash.kind)) === hash.value ? 'whole' : 'damaged';
}

/** Hugging Face's tools keep a file under the hash that the hub announced. */
async function nameAsHash(file: string): Promise<FileHash | undefined> {
  const value = path.basename(await realpath(file));
  if (/^[0-9a-f]{64}$/.test(value)) return { kind: 'sha256', value };
  return /^[0-9a-f]{40}$/.test(value) ? { kind: 'git sha1', value } : undefined;
}
