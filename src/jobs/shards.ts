// One of several processes that share the images of a run: which of them are its own.
import { InvalidArgumentError } from 'commander';

export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

/** `2/8`: the second of eight. */
export function parseShard(text: string): Shard {
  const [, index = 0, count = 0] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (index < 1 || index > count)
    throw new InvalidArgumentError('Expected I/N, as 2/8: the second of eight shards, counted from 1.');
  return { index, count };
}

export const formatShard = ({ index, count }: Shard): string => `${index}/${count}`;

/**
 * The items of a shard: every N-th. The lists are sorted, so that each process that looks at the same images finds the
 * same shards, equally large but for one.
 */
export const ofShard = <T>(items: readonly T[], shard: Shard | undefined): T[] =>
  items.filter((_, i) => !shard || i % shard.count === shard.index - 1);
