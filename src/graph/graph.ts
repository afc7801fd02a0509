// A static graph: nodes in the order in which they were built, which is an order in which they can run.

import type { Builder, Op } from '../kernels/op.ts';
import {
  byteLength,
  describe,
  elements,
  type Shape,
  ShapeError,
  type Tensor,
  type TensorSpec,
} from '../kernels/tensor.ts';

export interface Node {
  readonly op: Op<unknown>;
  readonly attrs: unknown;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly Tensor[];
  /** Output 0 lies where the input that the operator copies lay: there is nothing to copy. */
  readonly inPlace?: boolean;
}

/** A tensor that no node makes: given per run (`input`), living outside (`parameter`), or known (`constant`). */
export interface Leaf {
  readonly kind: 'input' | 'parameter' | 'constant';
  readonly name: string;
  readonly tensor: Tensor;
  readonly values?: Float32Array | Int32Array;
}

export interface Graph extends Builder {
  readonly nodes: readonly Node[];
  readonly leaves: ReadonlyMap<number, Leaf>;
  /** The full tensor behind each storage. */
  spec(storage: number): TensorSpec;
  /** Uploaded before a run; keeps its values until it is given again. */
  input(name: string, spec: TensorSpec): Tensor;
  /** Bound to a tensor on the device when the graph is compiled: weights, learnables, optimizer state. */
  parameter(name: string, spec: TensorSpec): Tensor;
}

export function createGraph(): Graph {
  const nodes: Node[] = [];
  const leaves = new Map<number, Leaf>();
  const specs: TensorSpec[] = [];

  const tensor = (spec: TensorSpec): Tensor => {
    specs.push(spec);
    return { shape: [...spec.shape], dtype: spec.dtype, storage: specs.length - 1 };
  };
  const leaf = (
    kind: Leaf['kind'],
    name: string,
    spec: TensorSpec,
    values?: Float32Array | Int32Array,
  ): Tensor => {
    const made = tensor(spec);
    leaves.set(made.storage, values ? { kind, name, tensor: made, values } : { kind, name, tensor: made });
    return made;
  };

  return {
    nodes,
    leaves,
    spec: (storage) => specs[storage]!,
    input: (name, spec) => leaf('input', name, spec),
    parameter: (name, spec) => leaf('parameter', name, spec),
    constant(name, values, shape) {
      if (values.length !== elements(shape))
        throw new ShapeError(`constant ${name}`, `${elements(shape)} values`, `${values.length}`);
      return leaf('constant', name, { shape, dtype: values instanceof Int32Array ? 'i32' : 'f32' }, values);
    },
    view(source: Tensor, shape: Shape): Tensor {
      if (elements(shape) !== elements(source.shape)) {
        throw new ShapeError(
          'view',
          `${elements(source.shape)} elements as in ${describe(source)}`,
          `[${shape.join(', ')}]`,
        );
      }
      return { shape: [...shape], dtype: source.dtype, storage: source.storage };
    },
    apply(op, attrs, inputs) {
      const outputs = op.outputs(attrs, inputs).map((spec, i): Tensor => {
        const target = op.inPlace?.[i];
        return target === undefined ? tensor(spec) : inputs[target]!;
      });
      const node = { op: op as Op<unknown>, attrs, inputs, outputs };
      const known = inputs.map((t) => t && leaves.get(t.storage)?.values);
      const values =
        op.fold && known.every((v) => v !== undefined) ? op.fold({ ...node, attrs }, known) : undefined;
      if (values)
        values.forEach((v, i) => {
          const of = outputs[i]!;
          leaves.set(of.storage, {
            kind: 'constant',
            name: `${op.name} of constants`,
            tensor: of,
            values: v,
          });
        });
      else nodes.push(node);
      return outputs;
    },
  };
}

/** Bytes of a storage on the device. */
export const storageBytes = (graph: Graph, storage: number): number => byteLength(graph.spec(storage));
