// What every function that builds a part of the model is handed.
import { createGraph, type Graph } from '../graph/graph.ts';
import type { Tensor, TensorSpec } from '../kernels/tensor.ts';

export interface Context {
  readonly graph: Graph;
  /** A frozen weight, by its name in OpenAI's state dict. */
  weight(name: string): Tensor;
  /** Gradients will flow: fused kernels keep what their backward needs. */
  readonly training: boolean;
  /** Names an intermediate (the names of the reference implementation), for tests; returns it. */
  record(name: string, tensor: Tensor): Tensor;
}

export interface ModelGraph extends Context {
  /** The graph's parameter for each weight used so far. */
  readonly weights: ReadonlyMap<string, Tensor>;
  /** Everything that was recorded. */
  readonly records: ReadonlyMap<string, Tensor>;
}

/**
 * An empty graph for a model.
 * @param weightSpec shape and type of a weight, from its name
 * @throws Error for a weight that the model does not have
 */
export function createModelGraph(
  weightSpec: (name: string) => TensorSpec | undefined,
  { training = false }: { readonly training?: boolean } = {},
): ModelGraph {
  const graph = createGraph();
  const weights = new Map<string, Tensor>();
  const records = new Map<string, Tensor>();
  return {
    graph,
    training,
    weights,
    records,
    weight(name) {
      const known = weights.get(name);
      if (known) return known;
      const spec = weightSpec(name);
      if (!spec) throw new Error(`the CLIP has no tensor "${name}"`);
      const made = graph.parameter(name, spec);
      weights.set(name, made);
      return made;
    },
    record(name, tensor) {
      records.set(name, tensor);
      return tensor;
    },
  };
}
