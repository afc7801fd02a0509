// Items (the images of a batch, say) that lie along the first dimension of all that depends on a graph's inputs, and whose
// results must not depend on how many there are.
import type { Tensor } from '../kernels/tensor.ts';
import type { Graph, Node } from './graph.ts';

/** Storages whose values depend on an input, or that change in place. */
export function varyingStorages(graph: Graph, nodes: readonly Node[]): ReadonlySet<number> {
  const varying = new Set(
    [...graph.leaves].flatMap(([storage, { kind }]) => (kind === 'input' ? [storage] : [])),
  );
  for (const { op, outputs } of nodes) if (op.inPlace) for (const t of outputs) varying.add(t.storage);
  for (const { inputs, outputs } of nodes)
    if (inputs.some((t) => t && varying.has(t.storage))) for (const t of outputs) varying.add(t.storage);
  return varying;
}

/** The nodes, each of which chooses its kernel by one item (Op.byItems). */
export function nodesByItems(graph: Graph, nodes: readonly Node[], items: number): Node[] {
  const varying = varyingStorages(graph, nodes);
  return nodes.map((node) =>
    node.op.byItems && node.outputs.some((t) => varying.has(t.storage))
      ? { ...node, attrs: node.op.byItems(node, items) }
      : node,
  );
}

/** Nodes at the sizes of one item. */
export function ofOneItem(items: number, varying: ReadonlySet<number>): (node: Node) => Node {
  const one = (t: Tensor): Tensor => {
    const [first, ...rest] = t.shape;
    return first !== undefined && varying.has(t.storage) && first % items === 0
      ? { ...t, shape: [first / items, ...rest] }
      : t;
  };
  return (node) => ({ ...node, inputs: node.inputs.map((t) => t && one(t)), outputs: node.outputs.map(one) });
}
