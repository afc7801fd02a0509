// Any repository of the hub that holds a ViT CLIP: which of its files make the model.
import { readText } from '../../base/open.node.ts';
import { WeightsError } from '../../formats/errors.ts';
import { configMetadata, parse } from '../checkpoint/config-json.ts';
import { modelFiles, preprocessorConfig } from '../checkpoint/model-files.ts';
import { shardNames } from '../checkpoint/shards.ts';
import { askHub } from './announced.node.ts';
import { writeRef } from './cache.node.ts';
import type { HubEnvironment } from './environment.node.ts';
import { HubError } from './errors.ts';
import { type KnownFile, repositoryName } from './manifest.ts';
import { type PullOptions, pullSource } from './models.node.ts';

const configs = ['config.json', 'open_clip_config.json'];

/** `org/name` or `org/name@revision`; undefined for another text. */
export function parseRepository(text: string): { repo: string; revision: string } | undefined {
  const [repo = '', revision = 'main', ...rest] = text.split('@');
  return rest.length === 0 && repositoryName.test(repo) && /^[\w-][\w.-]*$/.test(revision)
    ? { repo, revision }
    : undefined;
}

/**
 * Chooses by what is there: safetensors before pickles, shards by their index; the configuration first, which says
 * whether it is a CLIP with a ViT. Everything is held against the hashes that the hub announces for the one commit.
 * @returns path of the weights
 * @throws HubError
 */
export async function pullRepository(
  env: HubEnvironment,
  { repo, revision }: { repo: string; revision: string },
  options: PullOptions = {},
): Promise<string> {
  const name = revision === 'main' ? repo : `${repo}@${revision}`;
  if (env.offline) throw new HubError('offline', `${name} cannot be pulled: HF_HUB_OFFLINE is set`);
  let commit: string | undefined;
  /** Asks for the first file at the branch, and then at the commit that it stands for: all files are of one state. */
  const ask = async (path: string) => {
    const found = await askHub(env, { repo, revision: commit ?? revision, path }, options);
    commit ??= found?.commit;
    return found && { path };
  };
  const present = async (paths: readonly string[]): Promise<KnownFile[]> => {
    const found: KnownFile[] = [];
    for (const path of paths) {
      const file = await ask(path);
      if (file) found.push(file);
    }
    return found;
  };
  const files = await present(configs);
  const pull = (chosen: readonly KnownFile[], wanted: PullOptions = {}) =>
    pullSource(
      env,
      { repo, revision: commit ?? revision, files: chosen as [KnownFile, ...KnownFile[]] },
      {
        ...options,
        ...wanted,
      },
    );
  for (const file of [...files]) {
    const config = await checkConfig(name, await pull([file], { onProgress: () => {} }));
    // BERT's words: a BLIP has no others.
    if (config.model_type === 'blip') files.push(...(await present(['vocab.txt'])));
    if (config.model_type === 'clip') files.push(...(await present([preprocessorConfig])));
  }

  let weights: KnownFile | undefined;
  for (const path of modelFiles) {
    weights = await ask(path);
    if (weights) break;
  }
  if (!weights)
    throw new HubError('not-a-clip', `${name}: expected one of ${modelFiles.join(', ')}, found none`);
  const shards: KnownFile[] = [];
  if (weights.path.endsWith('.index.json')) {
    const index = await pull([weights], { onProgress: () => {} });
    for (const path of shardNames({ name: index, text: await readText(index, 2 ** 24) })) {
      const shard = await ask(path);
      if (!shard) throw new HubError('refused', `${name}: the index names ${path}, which is not there`);
      shards.push(shard);
    }
  }
  const file = await pull([weights, ...shards, ...files]);
  await writeRef(env, repo, revision, commit ?? revision);
  return file;
}

/** @throws HubError for a configuration of something else than a ViT CLIP */
async function checkConfig(name: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(file, 2 ** 24);
  try {
    configMetadata(text, file);
    return parse(text, file);
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    throw new HubError('not-a-clip', `${name} is no CLIP or BLIP with a ViT: ${error.message}`, {
      cause: error,
    });
  }
}
