// Runs a graph in float64 by the operators' references, and differentiates it in reverse: no WGSL, no graph/gradient.ts.
import type { Graph } from '../src/graph/graph.ts';
import type { RefTensor } from '../src/kernels/op-test.ts';
import type { Tensor } from '../src/kernels/tensor.ts';
import { opTestOf } from '../testing/op-tests.ts';

type Values = ReadonlyMap<number, ArrayLike<number>>;

/** Values of every storage, from those of the inputs and parameters, by storage. */
export function forward64(graph: Graph, leaves: Values): Map<number, Float64Array> {
  const values = new Map<number, Float64Array>();
  for (const [storage, { name, values: constant }] of graph.leaves) {
    const given = leaves.get(storage) ?? constant;
    if (!given) throw new Error(`no values for ${name}`);
    values.set(storage, Float64Array.from(given));
  }
  for (const node of graph.nodes) compute(node, values);
  return values;
}

/** The same with other values for some leaves: only what depends on them is computed again. */
export function forward64With(
  graph: Graph,
  before: ReadonlyMap<number, Float64Array>,
  leaves: Values,
): Map<number, Float64Array> {
  const values = new Map(before);
  for (const [storage, data] of leaves) values.set(storage, Float64Array.from(data));
  const moved = new Set(leaves.keys());
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => input && moved.has(input.storage))) continue;
    compute(node, values);
    for (const output of node.outputs) moved.add(output.storage);
  }
  return values;
}

function compute(
  { op, attrs, inputs, outputs }: Graph['nodes'][number],
  values: Map<number, Float64Array>,
): void {
  const results = opTestOf(op.name).reference.forward(attrs, inputs.map(at(values)));
  for (const [i, { data }] of results.entries()) if (outputs[i]) values.set(outputs[i].storage, data);
}

/** d loss / d storage for every storage that the loss depends on. */
export function gradients64(
  graph: Graph,
  values: ReadonlyMap<number, Float64Array>,
  loss: Tensor,
): Map<number, Float64Array> {
  const found = new Map<number, Float64Array>([[loss.storage, Float64Array.of(1)]]);
  for (const { op, attrs, inputs, outputs } of [...graph.nodes].reverse()) {
    const upstream = outputs.map(at(found));
    if (!upstream.some(Boolean)) continue;
    const opTest = opTestOf(op.name);
    const results = opTest.reference.backward?.(attrs, inputs.map(at(values)), upstream) ?? [];
    for (const [i, result] of results.entries()) {
      const input = inputs[i];
      if (!result || !input) continue;
      const before = found.get(input.storage);
      found.set(input.storage, before ? before.map((value, k) => value + result.data[k]!) : result.data);
    }
  }
  return found;
}

const at =
  (values: ReadonlyMap<number, Float64Array>) =>
  (tensor: Tensor | undefined): RefTensor | undefined => {
    const data = tensor && values.get(tensor.storage);
    return data && { shape: tensor.shape, data };
  };
