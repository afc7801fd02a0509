// Updates in place of parameters that lie one behind the other in a buffer run as one, over all of them: what they are
// updated by is put into one buffer, in the same places.
import { align } from '../gpu/memory.ts';
import { byteLength, type Tensor } from '../kernels/tensor.ts';
import type { Node } from './graph.ts';
import type { Place } from './place.ts';

/** Tensors in one buffer: the storage that it belongs to, and where each begins. */
export interface Pack {
  readonly storage: number;
  readonly offsets: ReadonlyMap<number, number>;
  readonly bytes: number;
}

/**
 * @param packed which parameters share buffers, and where they lie
 * @param placeable whether a storage may be put anywhere: one node alone reads it
 */
export function packUpdates(
  nodes: readonly Node[],
  packed: ReadonlyMap<number, Place>,
  placeable: (storage: number) => boolean,
): { readonly nodes: readonly Node[]; readonly packs: readonly Pack[] } {
  // What a slice gives lies in the place that it has already.
  const parts = new Set(
    nodes.flatMap(({ op, outputs }) => (op.part ? outputs.map(({ storage }) => storage) : [])),
  );
  const alike = new Map<string, Node[]>();
  for (const node of nodes) {
    const key = keyOf(node, packed, (storage) => placeable(storage) && !parts.has(storage));
    if (key) alike.set(key, [...(alike.get(key) ?? []), node]);
  }
  const packs: Pack[] = [];
  const merged = new Map<Node, Node | undefined>();
  const offsetOf = (node: Node) => packed.get(stateOf(node)[0]!.storage)!.offset;
  for (const group of alike.values()) {
    group.sort((a, b) => offsetOf(a) - offsetOf(b));
    for (const run of runs(group, offsetOf)) {
      const updates = run.map((node) => node.inputs[node.op.updates!.by]!);
      if (run.length < 2) continue;
      const places = run.map((node) => nodes.indexOf(node));
      const last = nodes[Math.max(...places)]!;
      // Who reads a parameter behind its update must not come before it.
      const late = run.some((node, i) => {
        const own = new Set(stateOf(node).map(({ storage }) => storage));
        const between = nodes.slice(places[i]! + 1, Math.max(...places));
        return between.some(({ inputs }) => inputs.some((t) => t && own.has(t.storage)));
      });
      if (late) continue;
      const start = offsetOf(run[0]!);
      const end = offsetOf(run.at(-1)!) + byteLength(stateOf(run.at(-1)!)[0]!);
      packs.push({
        storage: updates[0]!.storage,
        offsets: new Map(updates.map(({ storage }, i) => [storage, offsetOf(run[i]!) - start])),
        bytes: end - start,
      });
      for (const node of run) merged.set(node, node === last ? together(run, (end - start) / 4) : undefined);
    }
  }
  return { nodes: nodes.flatMap((node) => (merged.has(node) ? (merged.get(node) ?? []) : [node])), packs };
}

const stateOf = ({ op, inputs }: Node): Tensor[] => op.updates!.state.map((i) => inputs[i]!);

/** What updates have in common that can be one; undefined: this is none. */
function keyOf(
  { op, attrs, inputs }: Node,
  packed: ReadonlyMap<number, Place>,
  placeable: (storage: number) => boolean,
): string | undefined {
  if (!op.updates) return undefined;
  const { state, by } = op.updates;
  const places = state.map((i) => packed.get(inputs[i]!.storage));
  if (places.some((place) => place?.offset !== places[0]?.offset || !place)) return undefined;
  if (!placeable(inputs[by]!.storage)) return undefined;
  const others = inputs.filter((_, i) => i !== by && !state.includes(i)).map((t) => t?.storage);
  return [op.name, JSON.stringify(attrs), ...places.map((place) => place!.storage), ...others].join('; ');
}

/** Stretches without a gap but for what alignment leaves. */
function runs(group: readonly Node[], offsetOf: (node: Node) => number): Node[][] {
  const found: Node[][] = [];
  let end = Number.NaN;
  for (const node of group) {
    if (offsetOf(node) === end) found.at(-1)!.push(node);
    else found.push([node]);
    end = offsetOf(node) + align(byteLength(stateOf(node)[0]!));
  }
  return found;
}

/** One update of `count` elements, those between the tensors included, which nobody reads. */
function together(run: readonly Node[], count: number): Node {
  const [{ op, attrs, inputs }] = run as [Node];
  const whole = [...op.updates!.state, op.updates!.by];
  return {
    op,
    attrs,
    inputs: inputs.map((t, i) => (t && whole.includes(i) ? { ...t, shape: [count] } : t)),
    // All that is written, and all that is read: the others' storages must live until then.
    outputs: run.flatMap(({ outputs }) => outputs),
  };
}
