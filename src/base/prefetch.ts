/**
 * Loads items in order, up to `ahead` of them at the same time and before they are asked for, so that reading and
 * decoding overlap with what the consumer does. When the consumer stops early, loads under way are waited for.
 * @throws what `load` throws, in the item's turn
 */
export async function* prefetch<Item, Loaded>(
  items: Iterable<Item>,
  load: (item: Item) => Promise<Loaded>,
  ahead: number,
): AsyncGenerator<Loaded> {
  const pending: Promise<{ value: Loaded } | { error: unknown }>[] = [];
  const iterator = items[Symbol.iterator]();
  const fill = () => {
    while (pending.length < ahead) {
      const next = iterator.next();
      if (next.done) return;
      // Settled at once: a rejection that nobody awaits yet would end the process.
      pending.push(
        load(next.value).then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        ),
      );
    }
  };
  try {
    for (fill(); pending.length > 0; fill()) {
      const result = await pending.shift()!;
      fill();
      if ('error' in result) throw result.error;
      yield result.value;
    }
  } finally {
    await Promise.all(pending);
  }
}

/** Runs tasks one after the other, in the order in which they were handed over. */
export function createQueue(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task);
    last = result.catch(() => {});
    return result;
  };
}
