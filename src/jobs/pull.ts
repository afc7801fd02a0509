// Downloading a CLIP with progress: `weights pull`, and `--clip NAME` after asking.
import { formatBytes } from '../gpu/errors.ts';
import type { HubEnvironment } from '../model/hub/environment.node.ts';
import { HubError } from '../model/hub/errors.ts';
import type { KnownModel, KnownSource } from '../model/hub/manifest.ts';
import { pullModel } from '../model/hub/models.node.ts';
import { parseRepository, pullRepository } from '../model/hub/repository.node.ts';
import type { Io } from './io.ts';
import { createProgress, type Progress } from './progress.ts';

/** Bytes of a source's files; undefined where only the hub knows. */
export function sourceBytes({ files }: KnownSource): number | undefined {
  const sizes = files.map(({ bytes }) => bytes);
  return sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, bytes) => sum + bytes!, 0);
}

/** What would be downloaded, in words. */
export function describePull(name: string, known: KnownModel | undefined): string {
  if (!known) return `the repository ${name} from the hub`;
  const bytes = sourceBytes(known);
  return `${bytes === undefined ? 'it' : formatBytes(bytes)} from ${known.repo} (licence: ${known.licence})`;
}

/**
 * Pulls a known model, or any repository of the hub, and says where each failed.
 * @returns path of the weights
 * @throws HubError
 */
export async function pull(
  io: Io,
  env: HubEnvironment,
  name: string,
  known: KnownModel | undefined,
): Promise<string> {
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  let progress: Progress | undefined;
  let all = 0;
  const interrupt = new AbortController();
  const ignore = io.onInterrupt(() => interrupt.abort(new Error('interrupted; pull again to go on')));
  const options = {
    signal: interrupt.signal,
    onProgress(done: number, total: number) {
      if (total !== all) progress?.stop(); // another source
      if (total !== all || !progress) progress = createProgress(io, 'MiB', mebibytes(total));
      all = total;
      progress.update(mebibytes(done), name);
    },
    onFallback(failure: HubError, next: KnownSource) {
      (progress ?? io).note(failure.message);
      (progress ?? io).note(`trying the next address: ${next.files[0].url ?? next.repo}`);
    },
  };
  try {
    if (known) return await pullModel(env, known, options);
    const repository = parseRepository(name);
    if (!repository)
      throw new HubError(
        'unknown-model',
        `${name}: expected a known name (weights list) or OWNER/NAME[@REVISION]`,
      );
    return await pullRepository(env, repository, options);
  } finally {
    progress?.stop();
    ignore();
  }
}
