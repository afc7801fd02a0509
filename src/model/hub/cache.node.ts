// The cache folder of Hugging Face's tools: models--org--name/{blobs,refs,snapshots}, and what the hub said of files
// whose hash nobody knew in advance (faprompt.json beside them).
import { copyFile, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder, replaceFile } from '../../base/files.node.ts';
import { readText } from '../../base/open.node.ts';
import { type FileHash, hashOf, sizeOf } from './download.node.ts';
import type { HubEnvironment } from './environment.node.ts';
import { type KnownFile, type KnownSource, repositoryName } from './manifest.ts';

/** A file with all that is needed to get it and to hold it against. */
export interface PinnedFile {
  readonly path: string;
  readonly bytes: number;
  readonly hash: FileHash;
  readonly url?: string | undefined;
}

/** Folder of a repository in the cache. */
export const repoFolder = ({ cache }: HubEnvironment, repo: string): string =>
  path.join(cache, `models--${repo.replaceAll('/', '--')}`);

/** The commit that a branch or tag stood for when it was last pulled; a commit is itself. */
async function commitOf(env: HubEnvironment, repo: string, revision: string): Promise<string> {
  if (/^[0-9a-f]{40}$/.test(revision)) return revision;
  const ref = await readText(path.join(repoFolder(env, repo), 'refs', revision), 4096).catch(() => '');
  const commit = ref.trim();
  return /^[\w-][\w.-]*$/.test(commit) ? commit : revision;
}

export async function writeRef(
  env: HubEnvironment,
  repo: string,
  revision: string,
  commit: string,
): Promise<void> {
  if (revision !== commit) await replaceFile(path.join(repoFolder(env, repo), 'refs', revision), commit);
}

export const snapshotFolder = async (
  env: HubEnvironment,
  { repo, revision }: Pick<KnownSource, 'repo' | 'revision'>,
): Promise<string> => path.join(repoFolder(env, repo), 'snapshots', await commitOf(env, repo, revision));

/** Large files are kept under their sha256, small ones under git's hash, as Hugging Face's tools have it. */
export const blobFile = (env: HubEnvironment, repo: string, { value }: FileHash): string =>
  path.join(repoFolder(env, repo), 'blobs', value);

/** What is known of a file without asking: from the manifest, or from an earlier pull. */
export async function pinned(
  env: HubEnvironment,
  source: KnownSource,
  { path: name, url, sha256, bytes }: KnownFile,
): Promise<PinnedFile | undefined> {
  if (sha256 !== undefined && bytes !== undefined)
    return { path: name, url, bytes, hash: { kind: 'sha256', value: sha256 } };
  const kept = (await readKept(env, source.repo))[await keptName(env, source, name)];
  return kept && (sha256 === undefined || kept.hash.value === sha256)
    ? { path: name, url, ...kept }
    : undefined;
}

type Kept = Record<string, { readonly bytes: number; readonly hash: FileHash }>;

const keptFile = (env: HubEnvironment, repo: string) => path.join(repoFolder(env, repo), 'faprompt.json');
const keptName = async (
  env: HubEnvironment,
  { repo, revision }: KnownSource,
  name: string,
): Promise<string> => `${await commitOf(env, repo, revision)}/${name}`;

async function readKept(env: HubEnvironment, repo: string): Promise<Kept> {
  const text = await readText(keptFile(env, repo), 2 ** 24).catch(() => '{}');
  try {
    const json = JSON.parse(text) as Record<string, Partial<Kept[string]>>;
    const whole = Object.entries(json).filter(
      ([, entry]) =>
        Number.isSafeInteger(entry?.bytes) &&
        (entry?.hash?.kind === 'sha256'
          ? /^[0-9a-f]{64}$/.test(entry.hash.value)
          : entry?.hash?.kind === 'git sha1' && /^[0-9a-f]{40}$/.test(entry.hash.value)),
    );
    return Object.fromEntries(whole) as Kept;
  } catch {
    return {}; // damaged: the hub is asked again
  }
}

/** Keeps what the hub said, so that the file can be verified later, and another answer be noticed. */
export async function keep(
  env: HubEnvironment,
  source: KnownSource,
  { path: name, bytes, hash }: PinnedFile,
) {
  const kept = await readKept(env, source.repo);
  kept[await keptName(env, source, name)] = { bytes, hash };
  await replaceFile(keptFile(env, source.repo), `${JSON.stringify(kept, null, 2)}\n`);
}

/** A file that is there with the right length, whoever downloaded it; never touches the network. */
export async function findFile(
  env: HubEnvironment,
  source: KnownSource,
  file: KnownFile,
): Promise<string | undefined> {
  const snapshot = path.join(await snapshotFolder(env, source), file.path);
  const known = await pinned(env, source, file);
  // Nobody here knows its length: then it is Hugging Face's tools that brought it.
  if (!known) return (await sizeOf(snapshot)) > 0 ? snapshot : undefined;
  const candidates = [snapshot, blobFile(env, source.repo, known.hash)];
  if (file.url !== undefined) candidates.push(path.join(env.openaiCache, file.path));
  for (const candidate of candidates) if ((await sizeOf(candidate)) === known.bytes) return candidate;
  return undefined;
}

/** snapshots/<commit>/<path> -> ../../blobs/<hash>, as Hugging Face's tools have it. */
export async function link(env: HubEnvironment, source: KnownSource, file: PinnedFile): Promise<void> {
  const pointer = path.join(await snapshotFolder(env, source), file.path);
  const blob = blobFile(env, source.repo, file.hash);
  const right = async (name: string) =>
    (await sizeOf(name)) === file.bytes && (await hashOf(name, file.hash.kind)) === file.hash.value;
  if ((await right(pointer)) || !(await right(blob))) return;
  await makeFolder(path.dirname(pointer));
  await rm(pointer, { force: true });
  // Without the right to make links (Windows), a copy.
  await symlink(path.relative(path.dirname(pointer), blob), pointer).catch(() => copyFile(blob, pointer));
}

/**
 * A repository that is in the cache, as `org/name` or `org/name@revision`: its snapshot's folder, by default that of the
 * revision `main`. undefined where there is none.
 */
export async function cachedRepo(env: HubEnvironment, name: string): Promise<string | undefined> {
  const [repo = '', revision = 'main', ...rest] = name.split('@');
  if (rest.length > 0 || !repositoryName.test(repo) || !/^[\w-][\w.-]*$/.test(revision)) return undefined;
  const snapshot = await snapshotFolder(env, { repo, revision });
  return (await stat(snapshot).catch(() => undefined))?.isDirectory() ? snapshot : undefined;
}
