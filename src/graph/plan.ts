// From a graph to what will run and where each tensor will lie: decided, and its peak known, before anything is allocated.
import { formatBytes } from '../gpu/errors.ts';
import { align, alignment } from '../gpu/memory.ts';
import { byteLength, exactBytes, type Tensor } from '../kernels/tensor.ts';
import { batchNodes } from './batching.ts';
import { fuseNodes } from './fusion.ts';
import { type Graph, type Node, storageBytes } from './graph.ts';
import { nodesByItems, varyingStorages } from './items.ts';
import { withNeighbours } from './neighbours.ts';
import { packUpdates } from './packing.ts';
import type { Place } from './place.ts';

export type { Place };

/** A buffer that tensors with disjoint lifetimes share. */
export interface Slot {
  readonly bytes: number;
  readonly storages: readonly number[];
}

export interface Plan {
  readonly graph: Graph;
  /** Nodes that the outputs need, in order. */
  readonly nodes: readonly Node[];
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly slots: readonly Slot[];
  /** Where a storage lies that has no buffer of its own: behind others in a slot's, or in the place of another. */
  readonly places: ReadonlyMap<number, Place>;
  /** Leaves in use, by kind. */
  readonly leaves: {
    readonly inputs: readonly number[];
    readonly parameters: readonly number[];
    readonly constants: readonly number[];
  };
  readonly bytes: {
    readonly slots: number;
    readonly inputs: number;
    readonly parameters: number;
    /** Staging that outputs are read back through, for `runsInFlight` runs. */
    readonly readback: number;
    readonly total: number;
    readonly unshared: number;
  };
  readonly flops: number;
  /** The first nodes, which only the first run has, and their work. */
  readonly once: { readonly nodes: number; readonly flops: number };
}

/** Runs of one executable that may be under way: one computes while the results of the one before are read. */
export const runsInFlight = 2;

export interface PlanOptions {
  /** Give every tensor a buffer of its own (tests that look for stray writes). */
  readonly share?: boolean;
  /** Run nodes that share their weights as one (batching.ts). */
  readonly batch?: boolean;
  /** Let operators take their neighbours' work upon themselves (fusion.ts); default true. */
  readonly fuse?: boolean;
  /** Which parameters share buffers, by number, and where in them they lie: updated together, if they can be. */
  readonly packed?: ReadonlyMap<number, Place>;
  /** Parameters never change: what depends on no input is computed in the first run, and kept. */
  readonly fixedParameters?: boolean;
  /** Items along the first dimension of all that depends on inputs, whose results must not depend on how many there are. */
  readonly items?: number | undefined;
}

/**
 * Keeps the nodes that `outputs` depend on (nodes that write in place always count), finds each storage's first and
 * last use and packs storages into shared buffers, largest first, each into the tightest buffer whose tenants live at
 * other times ("greedy by size for shared objects", Pisarchyk and Lee, 2020). Whole buffers are shared, not ranges of
 * one arena: WebGPU forbids one buffer to be read and written in the same dispatch.
 */
export function plan(
  graph: Graph,
  outputs: Readonly<Record<string, Tensor>>,
  options: PlanOptions = {},
): Plan {
  const wanted = new Set(Object.values(outputs).map((t) => t.storage));
  const read = new Set(wanted);
  const found: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.op.inPlace && !node.outputs.some((t) => wanted.has(t.storage))) continue;
    found.push(node);
    for (const input of node.inputs) if (input) wanted.add(input.storage);
  }
  found.reverse();
  const all = options.items === undefined ? found : nodesByItems(graph, found, options.items);
  const { share = true, fuse = true } = options;
  const isFixed = options.fixedParameters ? fixedNodes(graph, all) : () => false;
  const needed = share && fuse ? fuseNodes(all, read, isFixed) : all;
  const { nodes: arranged, places, sizes } = arrange(graph, { needed, isFixed }, outputs, options);
  const fixed = arranged.filter(isFixed);
  const nodes = [...fixed, ...arranged.filter((node) => !isFixed(node))];

  const first = new Map<number, number>();
  const last = new Map<number, number>();
  nodes.forEach((node, at) => {
    for (const t of [...node.inputs, ...node.outputs]) {
      if (!t) continue;
      const storage = places.get(t.storage)?.storage ?? t.storage;
      if (!first.has(storage)) first.set(storage, at);
      last.set(storage, at);
    }
  });
  for (const t of Object.values(outputs)) last.set(t.storage, nodes.length);
  // What later runs read of the first one's results is never overwritten.
  for (const [storage, at] of first)
    if (at < fixed.length && last.get(storage)! >= fixed.length) last.set(storage, nodes.length);

  const leaves = { inputs: [] as number[], parameters: [] as number[], constants: [] as number[] };
  const made: number[] = [];
  for (const storage of new Set([...last.keys()])) {
    const leaf = graph.leaves.get(storage);
    if (leaf) leaves[`${leaf.kind}s`].push(storage);
    else made.push(storage);
  }

  const slots: { bytes: number; storages: number[] }[] = [];
  const size = (storage: number) => align(sizes.get(storage) ?? storageBytes(graph, storage));
  const overlaps = (a: number, b: number) => first.get(a)! <= last.get(b)! && first.get(b)! <= last.get(a)!;
  made.sort((a, b) => size(b) - size(a) || a - b);
  for (const storage of made) {
    const free =
      options.share === false
        ? []
        : slots.filter((slot) => !slot.storages.some((tenant) => overlaps(tenant, storage)));
    const tightest = free.reduce<(typeof slots)[number] | undefined>(
      (best, slot) => (!best || slot.bytes < best.bytes ? slot : best),
      undefined,
    );
    if (tightest) tightest.storages.push(storage);
    else slots.push({ bytes: size(storage), storages: [storage] });
  }

  const sum = (storages: readonly number[]) => storages.reduce((bytes, storage) => bytes + size(storage), 0);
  const inputBytes = sum(leaves.inputs) + sum(leaves.constants);
  const slotBytes = slots.reduce((bytes, slot) => bytes + slot.bytes, 0);
  const parameterBytes = sum(leaves.parameters);
  const readback =
    runsInFlight * Object.values(outputs).reduce((bytes, t) => bytes + align(byteLength(t)), 0);
  return {
    graph,
    nodes,
    outputs,
    slots,
    places,
    leaves,
    bytes: {
      slots: slotBytes,
      inputs: inputBytes,
      parameters: parameterBytes,
      readback,
      total: slotBytes + inputBytes + parameterBytes + readback,
      unshared: sum(made),
    },
    flops: work(nodes),
    once: { nodes: fixed.length, flops: work(fixed) },
  };
}

const work = (nodes: readonly Node[]): number =>
  nodes.reduce(
    (flops, { op, attrs, inputs, outputs }) => flops + op.cost({ attrs, inputs, outputs }).flops,
    0,
  );

/** Which nodes depend on constants and parameters only, merged ones of such nodes included. */
function fixedNodes(graph: Graph, nodes: readonly Node[]): (node: Node) => boolean {
  const varying = varyingStorages(graph, nodes);
  return ({ outputs }) => !outputs.some((t) => varying.has(t.storage));
}

/**
 * Decides which nodes run in the place of an input that nobody else needs, and which run together.
 * @returns also where storages lie that have no buffer of their own, and sizes of those that hold others
 */
function arrange(
  graph: Graph,
  { needed, isFixed }: { readonly needed: readonly Node[]; isFixed(node: Node): boolean },
  outputs: Readonly<Record<string, Tensor>>,
  { share = true, batch = false, fuse = true, packed = new Map() }: PlanOptions,
): { nodes: readonly Node[]; places: Map<number, Place>; sizes: Map<number, number> } {
  const places = new Map<number, Place>();
  const sizes = new Map<number, number>();
  if (!share) return { nodes: needed, places, sizes };
  const uses = new Map<number, number>();
  for (const { inputs } of needed)
    for (const t of inputs) if (t) uses.set(t.storage, (uses.get(t.storage) ?? 0) + 1);
  const fixed = new Set(Object.values(outputs).map((t) => t.storage));
  for (const { op, outputs: written } of needed)
    if (op.inPlace) for (const t of written) fixed.add(t.storage);
  const movable = (storage: number) => !graph.leaves.has(storage) && !fixed.has(storage);
  const replaced = new Map<number, number>();
  const root = (storage: number): number => {
    const before = replaced.get(storage);
    return before === undefined ? storage : root(before);
  };
  const inPlace = needed.map((node): Node => {
    const source = node.op.copies === undefined ? undefined : node.inputs[node.op.copies];
    if (!source || uses.get(source.storage) !== 1) return node;
    if (!movable(source.storage) || !movable(node.outputs[0]!.storage)) return node;
    replaced.set(node.outputs[0]!.storage, source.storage);
    return { ...node, inPlace: true };
  });
  const bytes = (storage: number) => exactBytes(graph.spec(storage));
  const batched = batch
    ? batchNodes(inPlace, { root, movable, bytes, alignment, kind: (node) => (isFixed(node) ? 'fixed' : '') })
    : { nodes: inPlace, families: [] };
  const { families } = batched;
  const shared = new Set([...replaced.keys(), ...replaced.values(), ...families.flat()]);
  const placeable = (storage: number) => movable(storage) && !shared.has(storage) && uses.get(storage) === 1;
  const { nodes, packs } = fuse ? packUpdates(batched.nodes, packed, placeable) : { ...batched, packs: [] };
  for (const pack of packs) {
    for (const [storage, offset] of pack.offsets)
      if (offset > 0) places.set(storage, { storage: pack.storage, offset });
    sizes.set(pack.storage, pack.bytes);
  }
  for (const family of families) {
    let offset = 0;
    for (const storage of family) {
      if (offset > 0) places.set(storage, { storage: family[0]!, offset });
      offset += bytes(storage);
    }
    sizes.set(family[0]!, offset);
  }
  for (const storage of replaced.keys()) {
    const before = root(storage);
    places.set(storage, places.get(before) ?? { storage: before, offset: 0 });
  }
  const taken = new Set([...shared, ...packs.flatMap(({ offsets }) => [...offsets.keys()])]);
  const placeOf = (storage: number): Place => places.get(storage) ?? { storage, offset: 0 };
  const left = nodes.filter((node) => {
    const found = fuse ? node.op.part?.(node) : undefined;
    const [out] = node.outputs;
    if (!found || taken.has(out!.storage) || !movable(out!.storage)) return true;
    const source = node.inputs[found.input]!;
    const within = placeOf(source.storage);
    const offset = within.offset + found.bytes;
    if (fixed.has(source.storage) || fixed.has(within.storage) || offset % alignment !== 0) return true;
    // No dispatch may write to the buffer in which it reads the part.
    const writes = nodes.some(
      ({ inputs, outputs: written }) =>
        inputs.some((t) => t?.storage === out!.storage) &&
        written.some((t) => placeOf(t.storage).storage === within.storage),
    );
    if (writes) return true;
    places.set(out!.storage, { storage: within.storage, offset });
    return false;
  });
  return { nodes: fuse ? withNeighbours(left, ({ storage }) => placeOf(storage)) : left, places, sizes };
}

/** The plan in words: one line per node if `nodes` is set, then memory and work. */
export function describePlan(
  { graph, nodes, slots, places, bytes, flops }: Plan,
  options: { nodes?: boolean } = {},
): string {
  const slotOf = new Map(slots.flatMap((slot, i) => slot.storages.map((storage) => [storage, i] as const)));
  const place = (t: Tensor | undefined) => {
    if (!t) return '-';
    const place = places.get(t.storage);
    const leaf = graph.leaves.get(place?.storage ?? t.storage);
    const slot = slotOf.get(place?.storage ?? t.storage);
    return `${leaf ? leaf.name : `#${slot}`}${place?.offset ? `+${place.offset}` : ''}[${t.shape.join(',')}]`;
  };
  const lines = options.nodes
    ? nodes.map(
        (n, i) =>
          `${String(i).padStart(4)} ${n.op.name.padEnd(20)} ${n.inputs.map(place).join(' ')} -> ${n.outputs.map(place).join(' ')}`,
      )
    : [];
  lines.push(
    `${nodes.length} nodes, ${(flops / 1e9).toFixed(2)} GFLOP`,
    `peak GPU memory ${formatBytes(bytes.total)}: parameters ${formatBytes(bytes.parameters)}, inputs ${formatBytes(bytes.inputs)}, ` +
      `${slots.length} shared buffers ${formatBytes(bytes.slots)} (unshared ${formatBytes(bytes.unshared)})`,
  );
  return lines.join('\n');
}

/** The largest tensors of a plan, for the message when it does not fit. */
export function largestTensors({ graph, slots }: Plan, count = 3): string {
  const storages = slots
    .flatMap((slot) => slot.storages)
    .sort((a, b) => storageBytes(graph, b) - storageBytes(graph, a));
  return storages
    .slice(0, count)
    .map(
      (storage) => `[${graph.spec(storage).shape.join(', ')}] ${formatBytes(storageBytes(graph, storage))}`,
    )
    .join(', ');
}
