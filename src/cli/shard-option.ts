// --shard I/N.
import { InvalidArgumentError } from 'commander';
import type { Shard } from '../jobs/shards.ts';

/** `2/8`: the second of eight. */
export function parseShard(text: string): Shard {
  const [, index = 0, count = 0] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (index < 1 || index > count)
    throw new InvalidArgumentError('Expected I/N, as 2/8: the second of eight shards, counted from 1.');
  return { index, count };
}
