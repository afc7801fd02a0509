// Known models: where their files are, and how to tell that they are whole.
import { WeightsError } from '../../formats/errors.ts';

export interface KnownFile {
  /** Path in the repository. */
  readonly path: string;
  /** Where nothing is known in advance, the hub's own word for the revision counts, and is kept. */
  readonly sha256?: string;
  readonly bytes?: number;
  /** Where it is, if not on the hub; with a sha256. */
  readonly url?: string;
}

/** Files that make a model: one place to get it from. */
export interface KnownSource {
  /** Repository of the hub, org/name; for other addresses, the name of its folder in the cache. */
  readonly repo: string;
  /** Commit, or the name of the published version. */
  readonly revision: string;
  /** The first one is what is opened. */
  readonly files: readonly [KnownFile, ...KnownFile[]];
}

export interface KnownModel extends KnownSource {
  readonly name: string;
  readonly licence: string;
  /** Other places, for when this one is gone; the same model, maybe in another format. */
  readonly fallbacks?: readonly KnownSource[];
}

export const sourcesOf = (model: KnownModel): KnownSource[] => [model, ...(model.fallbacks ?? [])];

export const repositoryName = /^[\w-][\w.-]*\/[\w-][\w.-]*$/;

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
  const count = (value: unknown): number =>
    Number.isSafeInteger(value) && (value as number) > 0
      ? (value as number)
      : fail('a number of bytes', value);

  const knownFile = (item: Record<string, unknown>): KnownFile => {
    const known = {
      path: text(item.path, 'a plain file name', /^[\w-][\w.-]*$/),
      ...(item.sha256 === undefined ? {} : { sha256: text(item.sha256, 'a sha256', /^[0-9a-f]{64}$/) }),
      ...(item.bytes === undefined ? {} : { bytes: count(item.bytes) }),
    };
    if (item.url === undefined) return known;
    if (known.sha256 === undefined || known.bytes === undefined)
      fail('a sha256 and a number of bytes beside url', item);
    return { ...known, url: text(item.url, 'an http address', /^https?:\/\//) };
  };
  const source = (item: Record<string, unknown>): KnownSource => ({
    repo: text(item.repo, 'a repository org/name', repositoryName),
    revision: text(item.revision, 'a revision', /^[\w-][\w.-]*$/),
    files: list(item.files, 'a list of files').map(knownFile) as [KnownFile, ...KnownFile[]],
  });
  const models = list((json as { models?: unknown } | null)?.models, 'a list of models').map((model) => ({
    name: text(model.name, 'a name', /^[\w@./-]+$/),
    licence: text(model.licence, 'a licence', /./),
    ...source(model),
    ...(model.fallbacks === undefined
      ? {}
      : { fallbacks: list(model.fallbacks, 'a list of fallbacks').map(source) }),
  }));
  const repeated = models.find(({ name }, i) => models.findIndex((other) => other.name === name) !== i);
  if (repeated) fail('distinct names', repeated.name);
  return models;
}
