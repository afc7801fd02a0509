// Images that a run never sees: what prompts are worth shows on those.
import { createRandom } from '../../src/base/random.ts';

/** Fewer images of a kind than this are all needed for training. */
export const enough = 5;

/**
 * Sets a share of each kind aside, at random by the seed.
 * @returns what is left, in its order, and what was set aside
 */
export function setAside<Item>(
  items: readonly Item[],
  kindOf: (item: Item) => string,
  share: number,
  seed: number,
): readonly [Item[], Item[]] {
  const kinds = new Map<string, Item[]>();
  for (const item of items) kinds.set(kindOf(item), [...(kinds.get(kindOf(item)) ?? []), item]);
  const held = new Set<Item>();
  for (const own of kinds.values()) {
    const count = own.length < enough || share === 0 ? 0 : Math.max(1, Math.floor(share * own.length));
    for (const item of createRandom(seed)
      .shuffle([...own])
      .slice(0, count))
      held.add(item);
  }
  return [items.filter((item) => !held.has(item)), items.filter((item) => held.has(item))];
}
