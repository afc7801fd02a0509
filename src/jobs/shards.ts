// One of several processes that share the images of a run: which of them are its own.
export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

export const formatShard = ({ index, count }: Shard): string => `${index}/${count}`;

/**
 * The items of a shard: every N-th. The lists are sorted, so that each process that looks at the same images finds the
 * same shards, equally large but for one.
 */
export const ofShard = <T>(items: readonly T[], shard: Shard | undefined): T[] =>
  items.filter((_, i) => !shard || i % shard.count === shard.index - 1);
