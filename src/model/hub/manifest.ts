// Known models: where their files are, and how to tell that they are whole.
import { WeightsError } from '../../formats/errors.ts';

export interface KnownFile {
  /** Path in the repository. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Where it is, if not on the hub. */
  readonly url?: string;
}

export interface KnownModel {
  readonly name: string;
  /** Repository of the hub, org/name; for other addresses, the name of its folder in the cache. */
  readonly repo: string;
  /** Commit, or the name of the published version. */
  readonly revision: string;
  readonly licence: string;
  /** The first one is what is opened. */
  readonly files: readonly [KnownFile, ...KnownFile[]];
}

/** Checks a manifest: the paths become file names, so nothing in them may lead out of the cache. */
export function parseManifest(json: unknown, file: string): KnownModel[] {
  const fail = (expected: string, found: unknown): never => {
    throw new WeightsError({ file, expected, found: JSON.stringify(found) ?? 'nothing' });
  };
  const text = (value: unknown, what: string, pattern: RegExp): string =>
    typeof value === 'string' && pattern.test(value) ? value : fail(what, value);
  const list = (value: unknown, what: string): Record<string, unknown>[] =>
    Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'object' && item)
      ? value
      : fail(what, value);

  const models = list((json as { models?: unknown } | null)?.models, 'a list of models').map((model) => ({
    name: text(model.name, 'a name', /^[\w@./-]+$/),
    repo: text(model.repo, 'a repository org/name', /^[\w-][\w.-]*\/[\w-][\w.-]*$/),
    revision: text(model.revision, 'a revision', /^[\w-][\w.-]*$/),
    licence: text(model.licence, 'a licence', /./),
    files: list(model.files, 'a list of files').map((item): KnownFile => {
      const bytes =
        Number.isSafeInteger(item.bytes) && (item.bytes as number) > 0
          ? (item.bytes as number)
          : fail('a number of bytes', item.bytes);
      const known = {
        path: text(item.path, 'a plain file name', /^[\w-][\w.-]*$/),
        sha256: text(item.sha256, 'a sha256', /^[0-9a-f]{64}$/),
        bytes,
      };
      return item.url === undefined
        ? known
        : { ...known, url: text(item.url, 'an http address', /^https?:\/\//) };
    }) as [KnownFile, ...KnownFile[]],
  }));
  const repeated = models.find(({ name }, i) => models.findIndex((other) => other.name === name) !== i);
  if (repeated) fail('distinct names', repeated.name);
  return models;
}
