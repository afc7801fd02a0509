// Known models in the cache folder of Hugging Face's tools: finding, pulling and verifying them.
import { copyFile, mkdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { download, hashOf, sizeOf } from './download.node.ts';
import type { HubEnvironment } from './environment.node.ts';
import { HubError } from './errors.ts';
import { type KnownFile, type KnownModel, parseManifest } from './manifest.ts';

/** Reads a manifest. @throws WeightsError */
export async function readManifest(file: string): Promise<KnownModel[]> {
  return parseManifest(JSON.parse(await readFile(file, 'utf8')), file);
}

/** @throws HubError naming the known models */
export function findModel(models: readonly KnownModel[], name: string): KnownModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model) return model;
  const known = models.map((candidate) => candidate.name).join(', ');
  throw new HubError('unknown-model', `no model "${name}"; known: ${known}`);
}

/** Folder of a repository in the cache. */
export const repoFolder = ({ cache }: HubEnvironment, repo: string): string =>
  path.join(cache, `models--${repo.replaceAll('/', '--')}`);

const snapshotFile = (env: HubEnvironment, { repo, revision }: KnownModel, file: KnownFile): string =>
  path.join(repoFolder(env, repo), 'snapshots', revision, file.path);

/** Files of the hub's large-file storage are kept under their sha256. */
const blobFile = (env: HubEnvironment, { repo }: KnownModel, file: KnownFile): string =>
  path.join(repoFolder(env, repo), 'blobs', file.sha256);

/** A file that is there with the right length, whoever downloaded it; never touches the network. */
export async function findFile(
  env: HubEnvironment,
  model: KnownModel,
  file: KnownFile,
): Promise<string | undefined> {
  const candidates = [snapshotFile(env, model, file), blobFile(env, model, file)];
  if (file.url !== undefined) candidates.push(path.join(env.openaiCache, file.path));
  for (const candidate of candidates) if ((await sizeOf(candidate)) === file.bytes) return candidate;
  return undefined;
}

/** Path of a model's weights; undefined where one of its files is missing. */
export async function modelPath(env: HubEnvironment, model: KnownModel): Promise<string | undefined> {
  const files = await Promise.all(model.files.map((file) => findFile(env, model, file)));
  return files.includes(undefined) ? undefined : files[0];
}

/**
 * A repository that Hugging Face's tools downloaded: the folder of its revision `main`, or of its only one.
 * undefined where there is none.
 */
export async function cachedRepo(env: HubEnvironment, repo: string): Promise<string | undefined> {
  if (!/^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(repo)) return undefined;
  const folder = repoFolder(env, repo);
  const revision = await readFile(path.join(folder, 'refs', 'main'), 'utf8').catch(() => '');
  const snapshot = path.join(folder, 'snapshots', revision.trim());
  return revision.trim() !== '' && (await stat(snapshot).catch(() => undefined))?.isDirectory()
    ? snapshot
    : undefined;
}

export interface PullOptions {
  /** Bytes so far of all files; never falls. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  readonly attempts?: number;
  readonly retryDelay?: number;
}

/**
 * Makes a model's files present and returns the path of its weights. What is there already is not downloaded again.
 * @throws HubError
 */
export async function pullModel(
  env: HubEnvironment,
  model: KnownModel,
  { onProgress, ...options }: PullOptions = {},
): Promise<string> {
  const total = model.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  for (const file of model.files) {
    if ((await findFile(env, model, file)) === undefined) {
      if (env.offline)
        throw new HubError(
          'offline',
          `${model.name}: ${file.path} is not in the cache, and HF_HUB_OFFLINE is set`,
        );
      const blob = blobFile(env, model, file);
      await download({
        ...options,
        url: file.url ?? `${env.endpoint}/${model.repo}/resolve/${model.revision}/${file.path}`,
        to: blob,
        sha256: file.sha256,
        bytes: file.bytes,
        fetch: env.fetch,
        // The token is the hub's: other addresses do not see it.
        headers: env.token && file.url === undefined ? { authorization: `Bearer ${env.token}` } : {},
        onProgress: (done) => onProgress?.(before + done, total),
      });
    }
    await link(env, model, file);
    before += file.bytes;
    onProgress?.(before, total);
  }
  return (await modelPath(env, model))!;
}

/** snapshots/<revision>/<path> -> ../../blobs/<sha256>, as Hugging Face's tools have it. */
async function link(env: HubEnvironment, model: KnownModel, file: KnownFile): Promise<void> {
  const [pointer, blob] = [snapshotFile(env, model, file), blobFile(env, model, file)];
  if ((await sizeOf(pointer)) === file.bytes || (await sizeOf(blob)) !== file.bytes) return;
  await mkdir(path.dirname(pointer), { recursive: true });
  await rm(pointer, { force: true });
  // Without the right to make links (Windows), a copy.
  await symlink(path.relative(path.dirname(pointer), blob), pointer).catch(() => copyFile(blob, pointer));
}

export interface Verified {
  readonly file: string;
  readonly state: 'whole' | 'damaged' | 'missing';
}

/** Hashes a model's files. A length that differs counts as missing: it is not used either. */
export async function verifyModel(env: HubEnvironment, model: KnownModel): Promise<Verified[]> {
  const results: Verified[] = [];
  for (const file of model.files) {
    const found = await findFile(env, model, file);
    const state =
      found === undefined ? 'missing' : (await hashOf(found)) === file.sha256 ? 'whole' : 'damaged';
    results.push({ file: found ?? snapshotFile(env, model, file), state });
  }
  return results;
}
