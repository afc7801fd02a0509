// Two nodes that may run as one dispatch, where an operator knows how (op.neighbours).
import type { PlaceOf } from '../kernels/op.ts';
import type { Tensor } from '../kernels/tensor.ts';
import type { Node } from './graph.ts';

/** Nodes back to which a partner is looked for. */
const reach = 16;

/** Makes one node of two where an operator knows how, and the first may as well run where the second does. */
export function withNeighbours(nodes: readonly Node[], place: PlaceOf): Node[] {
  const found: { readonly node: Node; readonly made: Set<number>; readonly read: Set<number> }[] = [];
  const buffers = (tensors: readonly (Tensor | undefined)[]) => {
    const all = new Set<number>();
    for (const t of tensors) if (t) all.add(place(t).storage);
    return all;
  };
  /** Takes a node back that can run with this one. */
  const partner = (node: Node): Node | undefined => {
    const touched = new Set<number>(); // by the nodes in between
    const written = new Set<number>();
    for (let at = found.length - 1; at >= Math.max(0, found.length - reach); at -= 1) {
      const { node: before, made, read } = found[at]!;
      const joined = before.op.neighbours?.(before, node, place) ?? node.op.neighbours?.(before, node, place);
      if (joined && !overlap(made, touched) && !overlap(read, written)) {
        found.splice(at, 1);
        return joined;
      }
      for (const storage of read) touched.add(storage);
      for (const storage of made) {
        touched.add(storage);
        written.add(storage);
      }
    }
    return undefined;
  };
  for (const each of nodes) {
    const node = partner(each) ?? each;
    found.push({ node, made: buffers(node.outputs), read: buffers(node.inputs) });
  }
  return found.map(({ node }) => node);
}

function overlap(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  for (const x of a) if (b.has(x)) return true;
  return false;
}
