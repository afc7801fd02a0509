// What a user may call a CLIP: a file, a folder, a known model's name, a repository that Hugging Face's tools have.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import manifest from '../../weights/manifest.json' with { type: 'json' };
import { packageFile } from '../base/package.node.ts';
import { cachedRepo } from '../model/hub/cache.node.ts';
import { hashOf } from '../model/hub/download.node.ts';
import { type HubEnvironment, hubEnvironment } from '../model/hub/environment.node.ts';
import { type KnownModel, parseManifest } from '../model/hub/manifest.ts';
import { wholeModelPath } from '../model/hub/models.node.ts';
import { parseRepository } from '../model/hub/repository.node.ts';
import { shippedClips } from '../model/shipped.ts';
import { type Io, UsageError } from './io.ts';
import { describePull, pull } from './pull.ts';

/** The file of a CLIP that ships with this package; undefined for another name. */
function shippedFile(name: string): string | undefined {
  const shipped = shippedClips.find((each) => each.name === name);
  return shipped && packageFile(shipped.clip);
}

export const knownModels = (): KnownModel[] => parseManifest(manifest, 'weights/manifest.json');

/** The file or folder to open; never touches the network. @throws UsageError for a model that is not there yet */
export async function resolveWeights(name: string, environment?: HubEnvironment): Promise<string> {
  if (existsSync(name)) return name;
  const shipped = shippedFile(name);
  if (shipped !== undefined) return shipped;
  const env = environment ?? (await hubEnvironment());
  const model = knownModels().find((known) => known.name === name);
  if (!model) {
    const repo = await cachedRepo(env, name);
    if (repo === undefined && looksLikeName(name)) throw unknownName(name);
    return repo ?? name;
  }
  const file = await wholeModelPath(env, model);
  if (file === undefined) throw new UsageError(`${name} is not in the cache: faprompt weights pull ${name}`);
  return file;
}

/** Neither a path into a folder that is there nor a file's name with an ending: `vit-l`, `ViT-L/15`. */
const looksLikeName = (name: string): boolean =>
  /^[\w@-][\w.@-]*(\/[\w.@-]+)?$/.test(name) &&
  !/\.[a-z]{1,12}$/i.test(name) &&
  !(name.includes('/') && existsSync(path.dirname(name)));

class UnknownNameError extends UsageError {
  constructor(
    message: string,
    readonly details: readonly string[],
  ) {
    super(message);
  }
}

/** What a name may have meant: all that are known, those that share most of it first. */
function unknownName(name: string): UsageError {
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const own = plain(name);
  const shared = (known: string): number => {
    let length = 0;
    while (length < own.length && plain(known).includes(own.slice(0, length + 1))) length++;
    return length;
  };
  const known = knownModels()
    .map((model) => model.name)
    .sort((a, b) => shared(b) - shared(a));
  return new UnknownNameError(
    `${name}: expected a weights file, a folder or a known name, found none of them`,
    [
      `known names: ${[...shippedClips.map((each) => each.name), ...known].join(', ')}`,
      'faprompt weights pull NAME gets one, and any repository of the hub as OWNER/NAME; so does this command with --yes',
    ],
  );
}

/**
 * As `resolveWeights`, but offers to download what is not there yet.
 * @throws UsageError where nobody says yes, HubError
 */
export async function obtainWeights(io: Io, name: string): Promise<string> {
  if (existsSync(name)) return name;
  const shipped = shippedFile(name);
  if (shipped !== undefined) return shipped;
  const env = await hubEnvironment();
  const known = knownModels().find((model) => model.name === name);
  const there = known ? await wholeModelPath(env, known) : await cachedRepo(env, name);
  if (there !== undefined) return there;
  if (!known && !maybeRepository(name)) return resolveWeights(name, env);
  if (await io.confirm?.(`${name} is not here yet. Download ${describePull(name, known)}?`))
    return pull(io, env, name, known);
  if (!known) throw unknownName(name);
  throw new UsageError(
    `${name} is not in the cache: faprompt weights pull ${name}, or this command with --yes`,
  );
}

/** Whether a name that is no file may be one of the hub: were it a path, its folder would be here. */
const maybeRepository = (name: string): boolean =>
  parseRepository(name) !== undefined &&
  !/\.(safetensors|pt|pth|bin|json)$/.test(name) &&
  !existsSync(path.dirname(name));

/** A file of the cache is named after its sha256: other bytes under that name are not used. @throws UsageError */
async function checkBlob(file: string, hash: string): Promise<void> {
  const blob = await realpath(file);
  const named = path.basename(blob);
  if (path.basename(path.dirname(blob)) === 'blobs' && /^[0-9a-f]{64}$/.test(named) && named !== hash)
    throw new UsageError(
      `${blob}: expected the bytes with this sha256, found ${hash}: remove it and pull again`,
    );
}

/** sha256 of a weights file; of several, of their hashes one after the other. */
export async function hashWeights(files: readonly string[]): Promise<string> {
  const hashes: string[] = [];
  for (const file of files) {
    const hash = await hashOf(file);
    await checkBlob(file, hash);
    hashes.push(hash);
  }
  return hashes.length === 1 ? hashes[0]! : createHash('sha256').update(hashes.join('')).digest('hex');
}
