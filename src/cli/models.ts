// What a user may call a CLIP: a file, a folder, a known model's name, a repository that Hugging Face's tools have.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import manifest from '../../weights/manifest.json' with { type: 'json' };
import { hashOf } from '../model/hub/download.node.ts';
import { type HubEnvironment, hubEnvironment } from '../model/hub/environment.node.ts';
import { type KnownModel, parseManifest } from '../model/hub/manifest.ts';
import { cachedRepo, modelPath } from '../model/hub/models.node.ts';
import { UsageError } from './io.ts';

export const knownModels = (): KnownModel[] => parseManifest(manifest, 'weights/manifest.json');

/** The file or folder to open; never touches the network. @throws UsageError for a model that is not there yet */
export async function resolveWeights(name: string, environment?: HubEnvironment): Promise<string> {
  if (existsSync(name)) return name;
  const env = environment ?? (await hubEnvironment());
  const model = knownModels().find((known) => known.name === name);
  if (!model) return (await cachedRepo(env, name)) ?? name;
  const file = await modelPath(env, model);
  if (file === undefined) throw new UsageError(`${name} is not in the cache: faprompt weights pull ${name}`);
  return file;
}

/** sha256 of a weights file; of several, of their hashes one after the other. */
export async function hashWeights(files: readonly string[]): Promise<string> {
  const hashes: string[] = [];
  for (const file of files) hashes.push(await hashOf(file));
  return hashes.length === 1 ? hashes[0]! : createHash('sha256').update(hashes.join('')).digest('hex');
}
