// Two nodes that may run as one dispatch, where an operator knows how (op.neighbours).
import type { PlaceOf } from '../kernels/op.ts';
import type { Tensor } from '../kernels/tensor.ts';
import type { Node } from './graph.ts';

/** Nodes back to which a partner is looked for. */
const reach = 16;

/** Makes one node of two where an operator knows how, and the first may as well run where the second does. */
export function withNeighbours(nodes: readonly Node[], place: PlaceOf): Node[] {
  const found: Node[] = [];
  const buffers = (tensors: readonly (Tensor | undefined)[]) =>
    new Set(tensors.flatMap((t) => (t ? [place(t).storage] : [])));
  /** Takes a node back that can run with this one. */
  const partner = (node: Node): Node | undefined => {
    const touched = new Set<number>(); // by the nodes in between
    const written = new Set<number>();
    for (let at = found.length - 1; at >= Math.max(0, found.length - reach); at -= 1) {
      const before = found[at]!;
      const joined = before.op.neighbours?.(before, node, place) ?? node.op.neighbours?.(before, node, place);
      const [made, read] = [buffers(before.outputs), buffers(before.inputs)];
      if (joined && !overlap(made, touched) && !overlap(read, written)) {
        found.splice(at, 1);
        return joined;
      }
      for (const storage of [...made, ...read]) touched.add(storage);
      for (const storage of made) written.add(storage);
    }
    return undefined;
  };
  for (const node of nodes) found.push(partner(node) ?? node);
  return found;
}

const overlap = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean => [...a].some((x) => b.has(x));
