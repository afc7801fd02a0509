// A problem as an ONNX model: frozen weights as initializers in ONNX's own layout, ONNX Runtime's fused attention.
import protobuf from 'protobufjs';
import type { Shape } from '../../../src/kernels/tensor.ts';
import { causalMask, operands, type Problem, type Sequences, values, widthOf } from '../problems.ts';
import schema from './onnx-schema.proto';
import { transposed } from './transpose.ts';

const { root } = protobuf.parse(schema, { keepCase: true });
const Model = root.lookupType('onnx.ModelProto');

const float = 1;
const int64 = 7;
type Attributes = Readonly<
  Record<string, number | { readonly int: number } | { readonly ints: readonly number[] }>
>;

/** Collects nodes; tensors are called by name. */
function createBuilder() {
  const nodes: object[] = [];
  const initializers: object[] = [];
  let count = 0;
  const attribute = ([name, value]: [string, Attributes[string]]) =>
    typeof value === 'number'
      ? { name, f: value, type: 1 }
      : 'int' in value
        ? { name, i: value.int, type: 2 }
        : { name, ints: value.ints, type: 7 };
  const initializer = (name: string, dims: readonly number[], data: Float32Array | BigInt64Array) => {
    const data_type = data instanceof Float32Array ? float : int64;
    initializers.push({
      name,
      dims,
      data_type,
      raw_data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    });
    return name;
  };
  /** Adds a node. @returns the names of its outputs */
  const apply = (
    op: string,
    input: string[],
    attributes: Attributes = {},
    { outputs = 1, domain = '' } = {},
  ) => {
    count += 1;
    const output = Array.from({ length: outputs }, (_, i) => `${op}_${count}_${i}`);
    nodes.push({
      name: `${op}_${count}`,
      op_type: op,
      domain,
      input,
      output,
      attribute: Object.entries(attributes).map(attribute),
    });
    return output;
  };
  const valueInfo = (name: string, shape: Shape) => ({
    name,
    type: { tensor_type: { elem_type: float, shape: { dim: shape.map((n) => ({ dim_value: n })) } } },
  });
  const encode = (inputs: Record<string, Shape>, output: { name: string; shape: Shape }): Uint8Array => {
    const model = {
      ir_version: 9,
      producer_name: 'faprompt bench',
      opset_import: [
        { domain: '', version: 17 },
        { domain: 'com.microsoft', version: 1 },
      ],
      graph: {
        name: 'problem',
        node: nodes,
        initializer: initializers,
        input: Object.entries(inputs).map(([name, shape]) => valueInfo(name, shape)),
        output: [valueInfo(output.name, output.shape)],
      },
    };
    return Model.encode(Model.fromObject(model)).finish();
  };
  return { apply, initializer, encode };
}

/** One input copied to the output: what the provider leaves on the GPU can be bound to another session. */
export function identityModel(shape: Shape): Uint8Array {
  const g = createBuilder();
  const [out] = g.apply('Identity', ['x']);
  return g.encode({ x: shape }, { name: out!, shape });
}

/** The first value of a tensor. */
export function firstModel(shape: Shape): Uint8Array {
  const g = createBuilder();
  const ints = (name: string, ...n: number[]) =>
    g.initializer(name, [n.length], BigInt64Array.from(n, BigInt));
  const axes = ints('axes', ...shape.keys());
  const [out] = g.apply('Slice', [
    'x',
    ints('starts', ...shape.map(() => 0)),
    ints('ends', ...shape.map(() => 1)),
    axes,
  ]);
  return g.encode({ x: shape }, { name: out!, shape: shape.map(() => 1) });
}

export interface OnnxProblem {
  readonly model: Uint8Array;
  readonly inputs: Record<string, Shape>;
  readonly output: { readonly name: string; readonly shape: Shape };
}

/** `fused`: ONNX Runtime's own MultiHeadAttention; `plain`: products and a softmax. */
export type OnnxForm = 'fused' | 'plain';

export function onnxForms({ kind }: Problem): readonly OnnxForm[] {
  if (kind === 'block gradient') return []; // it has no gradients
  return kind === 'attention' || kind === 'block' ? ['fused', 'plain'] : ['plain'];
}

export function onnxProblem(problem: Problem, form: OnnxForm): OnnxProblem {
  const specs = operands(problem);
  const numbers = values(problem, 0);
  const g = createBuilder();
  const inputs: Record<string, Shape> = {};
  for (const [name, { shape, frozen }] of Object.entries(specs)) {
    if (!frozen) inputs[name] = shape;
    else if (shape.length === 2)
      g.initializer(name, [shape[1]!, shape[0]!], transposed(numbers[name]!, shape));
    else g.initializer(name, shape, numbers[name]!);
  }
  const quickGelu = (x: string) =>
    g.apply('QuickGelu', [x], { alpha: 1.702 }, { domain: 'com.microsoft' })[0]!;
  const layerNorm = (x: string, weight: string, bias: string) =>
    g.apply('LayerNormalization', [x, weight, bias], { axis: { int: -1 }, epsilon: 1e-5 })[0]!;
  const linear = (x: string, name: string, bias: string) =>
    g.apply('Add', [g.apply('MatMul', [x, name])[0]!, bias])[0]!;
  const fused = (q: string, k: string, v: string) => {
    const { heads, causal } = problem as Sequences;
    const attributes = { num_heads: { int: heads }, unidirectional: { int: causal ? 1 : 0 } };
    return g.apply('MultiHeadAttention', [q, k, v], attributes, { domain: 'com.microsoft' })[0]!;
  };
  const plain = (q: string, k: string, v: string) => {
    const { batch, length, heads, headDim, causal } = problem as Sequences;
    const ints = (name: string, ...n: number[]) =>
      g.initializer(name, [n.length], BigInt64Array.from(n, BigInt));
    const split = ints('split heads', batch, length, heads, headDim);
    const merge = ints('merge heads', batch, length, heads * headDim);
    const transpose = (x: string, ...perm: number[]) =>
      g.apply('Transpose', [x], { perm: { ints: perm } })[0]!;
    const perHead = (x: string, ...perm: number[]) => transpose(g.apply('Reshape', [x, split])[0]!, ...perm);
    const scale = g.initializer('scale', [], Float32Array.of(headDim ** -0.5));
    const query = g.apply('Mul', [perHead(q, 0, 2, 1, 3), scale])[0]!;
    let scores = g.apply('MatMul', [query, perHead(k, 0, 2, 3, 1)])[0]!;
    if (causal)
      scores = g.apply('Add', [scores, g.initializer('mask', [length, length], causalMask(length))])[0]!;
    const weights = g.apply('Softmax', [scores], { axis: { int: -1 } })[0]!;
    const heads4 = g.apply('MatMul', [weights, perHead(v, 0, 2, 1, 3)])[0]!;
    return g.apply('Reshape', [transpose(heads4, 0, 2, 1, 3), merge])[0]!;
  };
  const attention = form === 'fused' ? fused : plain;
  const split = (qkv: string) =>
    g.apply('Split', [qkv], { axis: { int: -1 } }, { outputs: 3 }) as [string, string, string];
  let out: string;
  let shape: Shape = specs.x?.shape ?? [];
  switch (problem.kind) {
    case 'matmul':
      out = g.apply('MatMul', ['x', 'weight'])[0]!;
      shape = [problem.M, problem.N];
      break;
    case 'layernorm':
      out = layerNorm('x', 'weight', 'bias');
      break;
    case 'softmax':
      out = g.apply('Softmax', ['x'], { axis: { int: -1 } })[0]!;
      break;
    case 'quickgelu':
      out = quickGelu('x');
      break;
    case 'attention': {
      // Three inputs, as its fused attention takes them: the packed rows are taken apart beforehand.
      shape = [problem.batch, problem.length, widthOf(problem)];
      delete inputs.qkv;
      Object.assign(inputs, { q: shape, k: shape, v: shape });
      out = attention('q', 'k', 'v');
      break;
    }
    default: {
      const normed = layerNorm('x', 'ln_1.weight', 'ln_1.bias');
      const attended = attention(...split(linear(normed, 'attn.in_proj_weight', 'attn.in_proj_bias')));
      const middle = g.apply('Add', [
        'x',
        linear(attended, 'attn.out_proj.weight', 'attn.out_proj.bias'),
      ])[0]!;
      const hidden = linear(
        layerNorm(middle, 'ln_2.weight', 'ln_2.bias'),
        'mlp.c_fc.weight',
        'mlp.c_fc.bias',
      );
      out = g.apply('Add', [middle, linear(quickGelu(hidden), 'mlp.c_proj.weight', 'mlp.c_proj.bias')])[0]!;
    }
  }
  return { model: g.encode(inputs, { name: out, shape }), inputs, output: { name: out, shape } };
}
