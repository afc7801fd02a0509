// Nodes whose rows do not depend on each other and which share their weights run as one, over the rows of all of them:
// a GPU computes 549 rows in about the time of 480, and every dispatch costs the host and the device microseconds.
import { elements, type Shape, type Tensor } from '../kernels/tensor.ts';
import type { Node } from './graph.ts';

/** Tensors that lie one behind the other in one buffer, by storage. */
export type Families = readonly (readonly number[])[];

export interface Batched {
  readonly nodes: readonly Node[];
  readonly families: Families;
}

export interface BatchingRules {
  /** The storage that shares its buffer with this one (Node.inPlace). */
  root(storage: number): number;
  /** Whether a storage may lie in the middle of a buffer: no leaf, nothing that is read from outside. */
  movable(root: number): boolean;
  bytes(root: number): number;
  /** Where a binding may begin. */
  readonly alignment: number;
  /** Only nodes of one kind run together. */
  kind(node: Node): string;
}

interface Member {
  readonly node: Node;
  readonly index: number;
  readonly rows: number;
  readonly own: readonly number[];
}

/** One node, or several that run as one. */
type Item = readonly Member[] | Node;
const isGroup = (item: Item): item is readonly Member[] => Array.isArray(item);

/**
 * Puts nodes that fit together side by side and makes one node of them. The parts of their operands are laid out one
 * behind the other, so that nothing is copied; where that cannot be done the nodes stay as they are.
 * @param nodes in an order in which they can run; the result is one, too
 */
export function batchNodes(nodes: readonly Node[], rules: BatchingRules): Batched {
  let items = schedule(nodes, rules);
  for (;;) {
    const families = createFamilies(rules);
    const accepted = items.flatMap((item): Item[] => {
      if (!isGroup(item)) return [item];
      return families.join(operandLists(item)) ? [item] : item.map(({ node }) => node);
    });
    const broken = findBroken(accepted, families, rules);
    if (broken.size === 0) return { nodes: accepted.map(mergedNode), families: families.all() };
    // What touches a family that does not work out runs alone; then once more.
    items = accepted.flatMap((item): Item[] => {
      if (!isGroup(item)) return [item];
      const touches = operandLists(item).some((list) =>
        list.some((storage) => broken.has(families.of(storage)!)),
      );
      return touches ? item.map(({ node }) => node) : [item];
    });
  }
}

/** The shape of a row: what is left of the tensor's where it goes by rows already, else as many numbers. */
const ofRow = ({ shape }: Tensor, rows: number): Shape =>
  shape[0] === rows ? shape.slice(1) : [elements(shape) / rows];

/** What nodes must have in common to run as one. */
function keyOf(node: Node): { key: string; rows: number; own: readonly number[] } | undefined {
  const { op, attrs, inputs, outputs } = node;
  const rows = op.inPlace || node.inPlace ? undefined : op.rows?.({ attrs, inputs, outputs });
  if (!rows) return undefined;
  const { own, count } = rows;
  const operands = inputs.map((t, i) => {
    if (!t) return '-';
    return own.includes(i) ? `own ${ofRow(t, count).join()}` : `${t.storage} [${t.shape.join()}]`;
  });
  return { key: [op.name, JSON.stringify(attrs), ...operands].join('; '), rows: count, own };
}

/**
 * An order in which nodes with the same key stand together: all others run as soon as they can, those with a key wait
 * until every node with that key which does not depend on them is ready, too.
 */
function schedule(nodes: readonly Node[], { kind }: BatchingRules): Item[] {
  const keys = nodes.map((node) => {
    const found = keyOf(node);
    return found && { ...found, key: `${kind(node)} ${found.key}` };
  });
  const before = dependencies(nodes);
  const after: number[][] = nodes.map(() => []);
  before.forEach((list, i) => {
    for (const j of list) after[j]!.push(i);
  });
  const ancestors = reachable(before);
  const withKey = new Map<string, number[]>();
  keys.forEach((found, i) => {
    if (found) withKey.set(found.key, [...(withKey.get(found.key) ?? []), i]);
  });

  const missing = before.map((list) => list.size);
  const done = new Set<number>();
  const free: number[] = []; // ready, and without a key
  const waiting = new Map<string, number[]>();
  const ready = (i: number) => {
    const key = keys[i]?.key;
    if (key === undefined) free.push(i);
    else waiting.set(key, [...(waiting.get(key) ?? []), i]);
  };
  const finish = (i: number) => {
    done.add(i);
    for (const j of after[i]!) {
      missing[j]! -= 1;
      if (missing[j] === 0) ready(j);
    }
  };
  missing.forEach((count, i) => {
    if (count === 0) ready(i);
  });
  const items: Item[] = [];
  while (free.length > 0 || waiting.size > 0) {
    if (free.length > 0) {
      free.sort((a, b) => b - a);
      const i = free.pop()!;
      items.push(nodes[i]!);
      finish(i);
      continue;
    }
    const complete = [...waiting].find(([key, list]) =>
      withKey
        .get(key)!
        .every((i) => done.has(i) || list.includes(i) || list.some((j) => ancestors[i]!.has(j))),
    );
    const [key, list] =
      complete ?? [...waiting].reduce((a, b) => (Math.min(...b[1]) < Math.min(...a[1]) ? b : a));
    waiting.delete(key);
    const members = list
      .map(
        (index): Member => ({ node: nodes[index]!, index, rows: keys[index]!.rows, own: keys[index]!.own }),
      )
      .sort((a, b) => b.rows - a.rows || a.index - b.index);
    items.push(members.length > 1 ? members : members[0]!.node);
    for (const { index } of members) finish(index);
  }
  return items;
}

/** For every node, the nodes that must run before it: who makes what it reads, who uses what it overwrites. */
function dependencies(nodes: readonly Node[]): Set<number>[] {
  const writer = new Map<number, number>();
  const readers = new Map<number, number[]>();
  return nodes.map(({ inputs, outputs, inPlace, op }, i) => {
    const found = new Set<number>();
    for (const t of inputs) {
      if (!t) continue;
      const made = writer.get(t.storage);
      if (made !== undefined) found.add(made);
      readers.set(t.storage, [...(readers.get(t.storage) ?? []), i]);
    }
    for (const { storage } of outputs) {
      const made = writer.get(storage);
      if (made !== undefined) found.add(made);
      for (const reader of readers.get(storage) ?? []) if (reader !== i) found.add(reader);
      writer.set(storage, i);
      readers.set(storage, []);
    }
    if (inPlace) for (const reader of readers.get(inputs[op.copies!]!.storage) ?? []) found.add(reader);
    found.delete(i);
    return found;
  });
}

/** For every node, all that it depends on. */
function reachable(before: readonly ReadonlySet<number>[]): { has(j: number): boolean }[] {
  const words = Math.ceil(before.length / 32);
  const bits: Uint32Array[] = [];
  for (const list of before) {
    const own = new Uint32Array(words);
    for (const j of list) {
      own[j >> 5]! |= 1 << (j & 31);
      for (let w = 0; w < words; w += 1) own[w]! |= bits[j]![w]!;
    }
    bits.push(own);
  }
  return bits.map((own) => ({ has: (j) => ((own[j >> 5]! >>> (j & 31)) & 1) === 1 }));
}

/** The storages of each operand and result that goes by rows, member after member. */
const operandLists = (members: readonly Member[]): number[][] => [
  ...members[0]!.own.map((i) => members.map(({ node }) => node.inputs[i]!.storage)),
  ...members[0]!.node.outputs.map((_, i) => members.map(({ node }) => node.outputs[i]!.storage)),
];

function createFamilies({ root, movable }: BatchingRules) {
  let families = new Map<number, readonly number[]>();
  const familyOf = (known: ReadonlyMap<number, readonly number[]>, storage: number) =>
    known.get(root(storage)) ?? [root(storage)];
  return {
    /** Lays the lists out, all of them or none. */
    join(lists: readonly (readonly number[])[]): boolean {
      const next = new Map(families);
      for (const list of lists) {
        const roots = list.map(root);
        if (new Set(roots).size < roots.length || !roots.every(movable)) return false;
        const joined = [
          ...new Set(roots.map((storage) => familyOf(next, storage)).map((f) => next.get(f[0]!) ?? f)),
        ];
        const all = [...new Set(joined.flat())];
        const start = all.indexOf(roots[0]!);
        if (!roots.every((storage, i) => all[start + i] === storage)) return false;
        for (const storage of all) next.set(storage, all);
      }
      families = next;
      return true;
    },
    of: (storage: number) => families.get(root(storage)),
    all: (): Families => [...new Set(families.values())],
  };
}

/** Families that a node reads and writes at once, or of which it binds a part that begins at an odd place. */
function findBroken(
  items: readonly Item[],
  families: ReturnType<typeof createFamilies>,
  { root, bytes, alignment }: BatchingRules,
): Set<readonly number[]> {
  const broken = new Set<readonly number[]>();
  const odd = (t: Tensor | undefined) => {
    const family = t && families.of(t.storage);
    if (!family) return;
    let offset = 0;
    for (const storage of family) {
      if (storage === root(t.storage)) break;
      offset += bytes(storage);
    }
    if (offset % alignment !== 0) broken.add(family);
  };
  for (const item of items) {
    const members = isGroup(item) ? item.map(({ node }) => node) : [item];
    const written = new Set(members.flatMap(({ outputs }) => outputs.map((t) => families.of(t.storage))));
    for (const { inputs, op, inPlace } of members)
      inputs.forEach((t, i) => {
        const family = t && families.of(t.storage);
        if (family && written.has(family) && !(inPlace && i === op.copies)) broken.add(family);
      });
    // A group binds the place of its first member.
    for (const t of [...members[0]!.inputs, ...members[0]!.outputs]) odd(t);
  }
  return broken;
}

/** One node over the rows of all members: its tensors begin where the first member's do. */
function mergedNode(item: Item): Node {
  if (!isGroup(item)) return item;
  const [{ node, own, rows: first }] = item as [Member];
  const rows = item.reduce((sum, member) => sum + member.rows, 0);
  const stretched = (t: Tensor): Tensor => ({ ...t, shape: [rows, ...ofRow(t, first)] });
  return {
    ...node,
    inputs: node.inputs.map((t, i) => (t && own.includes(i) ? stretched(t) : t)),
    outputs: node.outputs.map((t) => stretched(t)),
  };
}
