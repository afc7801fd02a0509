// Chooses between the variants of operators: what is forced, else what was measured on this adapter, else the
// operator's own choice.
import { measuredVariant } from '#graph/measured-variant';
import type { Gpu } from '../gpu/gpu.ts';
import type { Node } from './graph.ts';

/**
 * The variant of each node, undefined for the operator's own choice. With `gpu.tuning`, every class of calls that the
 * adapter has not seen is measured, each variant on buffers of its own, before anything else is allocated.
 * @param forced operator name -> variant, where the operator has it on this adapter
 * @param sized the node at the sizes by which its variant is measured; default: its own
 */
export async function chooseVariants(
  gpu: Gpu,
  nodes: readonly Node[],
  forced: Readonly<Record<string, string>>,
  sized: (node: Node) => Node = (node) => node,
): Promise<(string | undefined)[]> {
  const { tuning, capabilities } = gpu;
  const chosen: (string | undefined)[] = [];
  for (const node of nodes) {
    const offered = node.op.variants?.(capabilities) ?? [];
    const wanted = forced[node.op.name];
    if (wanted !== undefined && offered.includes(wanted)) {
      chosen.push(wanted);
      continue;
    }
    const tuned = tuning && offered.length > 1 ? await measuredVariant(gpu, sized(node), offered) : '';
    chosen.push(offered.includes(tuned) ? tuned : undefined);
  }
  await tuning?.save();
  return chosen;
}
