import { add } from '../kernels/elementwise/elementwise.ts';
import { elements, sameShape, type Tensor } from '../kernels/tensor.ts';
import type { Graph } from './graph.ts';

/**
 * Reverse-mode differentiation as a graph transform: adds the nodes that compute d `loss` / d t for every t of `wrt`
 * and returns those gradients, in order. Any tensor may be asked for, leaf or intermediate; undefined where the loss
 * does not depend on it. Only nodes on a path from `wrt` to `loss` are differentiated, so frozen weights cost nothing.
 * @param loss one element
 */
export function gradient(graph: Graph, loss: Tensor, wrt: readonly Tensor[]): (Tensor | undefined)[] {
  if (elements(loss.shape) !== 1)
    throw new Error(`gradient: the loss must have one element, found [${loss.shape.join(', ')}]`);
  const forward = [...graph.nodes];

  // Storages that depend on something of wrt.
  const active = new Set(wrt.map((t) => t.storage));
  for (const { inputs, outputs } of forward) {
    if (inputs.some((t) => t && active.has(t.storage))) for (const out of outputs) active.add(out.storage);
  }

  const gradients = new Map<number, Tensor>();
  const at = (tensor: Tensor | undefined): Tensor | undefined => {
    const found = tensor && gradients.get(tensor.storage);
    return found && tensor && !sameShape(found.shape, tensor.shape) ? graph.view(found, tensor.shape) : found;
  };
  const accumulate = (tensor: Tensor, contribution: Tensor) => {
    const before = at(tensor);
    gradients.set(tensor.storage, before ? add(graph, before, contribution) : contribution);
  };

  gradients.set(loss.storage, graph.constant('d loss / d loss', new Float32Array([1]), loss.shape));
  for (const { op, attrs, inputs, outputs } of forward.reverse()) {
    const upstream = outputs.map(at);
    const needs = inputs.map((t) => t !== undefined && t.dtype === 'f32' && active.has(t.storage));
    if (!upstream.some(Boolean) || !needs.some(Boolean)) continue;
    if (!op.gradient) throw new Error(`gradient: the operator ${op.name} has no gradient rule`);
    const contributions = op.gradient({ attrs, inputs, outputs, upstream, needs, builder: graph });
    contributions.forEach((contribution, i) => {
      const input = inputs[i];
      if (!contribution || !input || !needs[i]) return;
      if (elements(contribution.shape) !== elements(input.shape)) {
        throw new Error(
          `gradient: ${op.name} gave [${contribution.shape.join(', ')}] for input ${i} of [${input.shape.join(', ')}]`,
        );
      }
      accumulate(
        input,
        sameShape(contribution.shape, input.shape) ? contribution : graph.view(contribution, input.shape),
      );
    });
  }
  return wrt.map(at);
}
