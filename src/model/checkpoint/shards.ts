// Weights in several files, with an index that says which tensor is in which (model.safetensors.index.json).

import { describeContent } from '../../base/content.ts';
import { WeightsError } from '../../formats/errors.ts';
import type { ByteSource } from '../../formats/source.ts';
import { type TensorFile, type TensorInfo, tensorFile } from '../../formats/tensor-file.ts';
import { parse } from './config-json.ts';

interface Index {
  readonly name: string;
  readonly text: string;
}

function weightMap({ name, text }: Index): Readonly<Record<string, unknown>> {
  const { weight_map: places } = parse(text, name);
  if (typeof places === 'object' && places !== null) return places as Record<string, unknown>;
  throw new WeightsError({
    file: name,
    expected: 'weight_map, a map of tensor to file',
    found: `none in ${describeContent(new TextEncoder().encode(text))}`,
  });
}

/** Plain names of the files that an index names, each once. @throws WeightsError */
export function shardNames(index: Index): string[] {
  const names = [...new Set(Object.values(weightMap(index)))];
  if (names.length > maxShards)
    throw new WeightsError({
      file: index.name,
      expected: `at most ${maxShards} files in weight_map`,
      found: `${names.length}`,
    });
  return names.sort().map((name) => {
    if (typeof name === 'string' && /^[\w-][\w.-]*$/.test(name)) return name;
    throw new WeightsError({
      file: index.name,
      expected: 'plain file names in weight_map',
      found: JSON.stringify(name),
    });
  });
}
/** Each of them stays open. */
const maxShards = 256;

interface ShardedInfo extends TensorInfo {
  readonly shard: TensorFile;
}

/**
 * Presents the shards as one file.
 * @param index name and text of the index
 * @param open a shard by its plain file name
 * @throws WeightsError for a malformed index, a missing shard or tensor
 */
export async function readShards(
  index: Index,
  open: (name: string) => Promise<ByteSource | undefined>,
  read: (source: ByteSource) => Promise<TensorFile>,
): Promise<TensorFile> {
  const fail = (expected: string, found: string, tensor?: string): never => {
    throw new WeightsError({ file: index.name, tensor, expected, found });
  };
  const places = weightMap(index);
  const shards = new Map<string, TensorFile>();
  const tensors = new Map<string, ShardedInfo>();
  const names = shardNames(index);
  for (const name of names) {
    const source = (await open(name)) ?? fail(`the file ${name} beside the index`, 'none');
    shards.set(name, await read(source));
  }
  for (const name of names) {
    const shard = shards.get(name)!;
    for (const [tensor, info] of shard.tensors)
      if (places[tensor] === name) tensors.set(tensor, { ...info, shard });
  }
  for (const [tensor, name] of Object.entries(places))
    if (!tensors.has(tensor)) fail(`this tensor in ${name}`, 'none', tensor);
  const metadata = new Map([...shards.values()].flatMap((shard) => [...shard.metadata]));
  return tensorFile(index.name, tensors, metadata, (tensor, { shard }, start, length) =>
    shard.readBytes(tensor, start, length),
  );
}
