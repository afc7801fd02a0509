// An operator's cases as graphs on the device, as they are timed and held against their reference.
import type { Gpu } from '../src/gpu/gpu.ts';
import { compile, type Executable } from '../src/graph/executor.ts';
import { createGraph } from '../src/graph/graph.ts';
import type { Case, OpTest } from '../src/kernels/op-test.ts';
import type { Tensor } from '../src/kernels/tensor.ts';
import { makeInput, toHost } from '../testing/op-check.ts';

/** Sets of inputs, used one after the other: what one leaves in the caches the next cannot use. */
export const rotation = 3;

export interface Built {
  readonly executable: Executable;
  readonly feeds: Record<string, ReturnType<typeof toHost>>;
  /** Nodes and dispatches that belong to the forward operator come first. */
  readonly forwardNodes: number;
}

export interface BuildOptions {
  /** Inputs whose gradients are built too. */
  readonly wrt?: readonly number[];
  readonly variant?: string | undefined;
  readonly sets?: number;
}

/** `sets` copies of the operator and, for `wrt`, of its gradient with a random upstream one. */
export async function build(
  gpu: Gpu,
  opTest: OpTest,
  { attrs, inputs }: Case<unknown>,
  { wrt = [], variant, sets = rotation }: BuildOptions = {},
): Promise<Built> {
  const graph = createGraph();
  const outputs: Record<string, Tensor> = {};
  const feeds: Built['feeds'] = {};
  const applied = Array.from({ length: sets }, (_, set) => {
    const leaves = inputs.map((input, i) => {
      if (!input) return undefined;
      feeds[`${set}/${i}`] = toHost(input, makeInput(input, 1000 * set + i).data);
      return graph.input(`${set}/${i}`, { shape: input.shape, dtype: input.dtype ?? 'f32' });
    });
    const results = graph.apply(opTest.op, attrs, leaves);
    results.forEach((tensor, i) => {
      outputs[`${set}/out${i}`] = tensor;
    });
    return { leaves, results };
  });
  const forwardNodes = graph.nodes.length;
  if (wrt.length > 0) {
    for (const [set, { leaves, results }] of applied.entries()) {
      const upstream = results.map((tensor, k) => {
        if (!(opTest.differentiable ?? [0]).includes(k)) return undefined;
        const name = `${set}/dout${k}`;
        feeds[name] = toHost(tensor, makeInput(tensor, 1000 * set + 500 + k).data);
        return graph.input(name, tensor);
      });
      const needs = leaves.map((_, i) => wrt.includes(i));
      const call = { attrs, inputs: leaves, outputs: results, upstream, needs, builder: graph };
      for (const [i, tensor] of opTest.op.gradient!(call).entries()) {
        if (tensor && wrt.includes(i)) outputs[`${set}/d${i}`] = tensor;
      }
    }
  }
  // The gradient's nodes are `<op>_...`: the variant is forced on those that have it, too.
  const names = graph.nodes.map(({ op: { name } }) => name);
  const own = names.filter((name) => name === opTest.op.name || name.startsWith(`${opTest.op.name}_`));
  const variants = variant ? Object.fromEntries(own.map((name) => [name, variant])) : {};
  return { executable: await compile(gpu, graph, outputs, { variants }), feeds, forwardNodes };
}
