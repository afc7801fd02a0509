// The model's own shapes, in the form of the operators' cases. The float64 reference takes minutes at these sizes: it is computed for
// some rows, sequences or heads, which see nothing of the others.

import type { Case, CaseInput, RefTensor } from '../src/kernels/op-test.ts';
import type { Shape } from '../src/kernels/tensor.ts';

/** Cuts sampled parts out of input `i` or, for `i` undefined, out of an output or its gradient. */
export type Sample = (tensor: RefTensor, i?: number) => RefTensor;

export interface ModelCase {
  readonly op: string;
  readonly testCase: Case<unknown>;
  /** Attributes of the sampled case. */
  readonly sampledAttrs: unknown;
  readonly sample: Sample;
  /** Inputs with a gradient: CLIP's weights are frozen. */
  readonly wrt: readonly number[];
}

/** Keeps some indices of the first dimension of the inputs in `sliced` (default: the first) and of results. */
function firstDimension(count: number, sliced: readonly number[] = [0]): Sample {
  const kept = [...new Set([0, 1, Math.floor(count / 2), count - 1])].filter((i) => i < count);
  return (tensor, i) => {
    if (i !== undefined && !sliced.includes(i)) return tensor;
    const size = tensor.data.length / tensor.shape[0]!;
    const data = new Float64Array(kept.length * size);
    kept.forEach((index, k) => {
      data.set(tensor.data.subarray(index * size, (index + 1) * size), k * size);
    });
    return { shape: [kept.length, ...tensor.shape.slice(1)], data };
  };
}

/** Keeps the last head of packed rows [.., parts x heads x 64]. */
const lastHead =
  (heads: number): Sample =>
  (tensor) => {
    const width = tensor.shape.at(-1)!;
    const rows = tensor.data.length / width;
    const parts = width / (heads * headDim);
    const data = new Float64Array(rows * parts * headDim);
    for (let i = 0; i < rows * parts; i += 1) {
      const end = (i + 1) * heads * headDim;
      data.set(tensor.data.subarray(end - headDim, end), i * headDim);
    }
    return { shape: [...tensor.shape.slice(0, -1), parts * headDim], data };
  };

const headDim = 64;

function linear(
  name: string,
  [rows, inner, columns]: readonly [number, number, number],
  {
    residual,
    activation,
    half,
    backward,
  }: { residual?: true; activation?: true; half?: true; backward?: true } = {},
): ModelCase {
  const shape: Shape = [columns, inner];
  const scaled = {
    values: (_: number, _random: () => number, normal: () => number) => normal() * inner ** -0.5,
  };
  const weight: CaseInput = half ? { shape, dtype: 'f16', ...scaled } : { shape, ...scaled };
  const attrs = {
    transposeB: true,
    ...(activation ? { activation: 'quickgelu', saveForBackward: backward === true } : {}),
  };
  return {
    op: 'matmul',
    testCase: {
      name,
      attrs,
      inputs: [
        { shape: [rows, inner] },
        weight,
        { shape: [columns] },
        residual && { shape: [rows, columns] },
      ],
    },
    sampledAttrs: attrs,
    sample: firstDimension(rows, [0, 3]),
    wrt: backward ? [0] : [],
  };
}

function rowwise(
  op: string,
  name: string,
  shape: Shape,
  { backward, ...attrs }: { readonly backward: boolean; readonly [attr: string]: unknown },
): ModelCase {
  const parameters = op === 'layernorm' ? [{ shape: [shape[1]!] }, { shape: [shape[1]!] }] : [];
  return {
    op,
    testCase: { name, attrs, inputs: [{ shape }, ...parameters] },
    sampledAttrs: attrs,
    sample: firstDimension(shape[0]!),
    wrt: backward ? [0] : [],
  };
}

/** Vision: one long sequence, sampled by heads; text: many short ones, sampled by sequences. */
function attention(
  name: string,
  [batch, length, heads]: readonly [number, number, number],
  attrs: object = {},
): ModelCase {
  const text = batch > 1;
  const all = { heads, ...attrs };
  return {
    op: 'attention',
    testCase: { name, attrs: all, inputs: [{ shape: [batch, length, 3 * heads * headDim] }] },
    sampledAttrs: text ? all : { ...all, heads: 1 },
    sample: text ? firstDimension(batch) : lastHead(heads),
    wrt: text ? [0] : [],
  };
}

const pair = (name: string, length: number, heads: number): ModelCase => ({
  op: 'attention_pair',
  testCase: { name, attrs: { heads }, inputs: [{ shape: [1, length, 3 * heads * headDim] }] },
  sampledAttrs: { heads: 1 },
  sample: lastHead(heads),
  wrt: [],
});

/** Prompts behind the beginning that they share, as a training step has them: small enough to be computed whole. */
const prompts = (name: string, batch: number): ModelCase => {
  const attrs = { heads: 12, causal: true, prefixLength: 6 };
  const packed = 3 * 12 * headDim;
  return {
    op: 'attention',
    testCase: { name, attrs, inputs: [{ shape: [batch, 6, packed] }, { shape: [1, 9, packed] }] },
    sampledAttrs: attrs,
    sample: (tensor) => tensor,
    wrt: [0, 1],
  };
};

const epsilon = { epsilon: 1e-5 };

/** ViT-L/14 at 518 px: 1370 tokens; its text encoder: 80 prompts of 12 tokens; ViT-B/16, ViT-B/32, the small CLIP. */
export const modelCases: readonly ModelCase[] = [
  linear('ViT-L q, k, v', [1370, 1024, 3072]),
  linear('ViT-L attention out', [1370, 1024, 1024], { residual: true }),
  linear('ViT-L MLP 1', [1370, 1024, 4096], { activation: true }),
  linear('ViT-L MLP 1, f16', [1370, 1024, 4096], { activation: true, half: true }),
  linear('ViT-L MLP 2', [1370, 4096, 1024], { residual: true }),
  linear('text q, k, v', [960, 768, 2304], { backward: true }),
  linear('text MLP 1', [960, 768, 3072], { activation: true, backward: true }),
  linear('text MLP 2', [960, 3072, 768], { residual: true, backward: true }),
  linear('one text MLP 1', [12, 768, 3072], { activation: true, backward: true }),
  linear('prior network', [1, 7680, 480]),
  linear('ViT-B/16 MLP 1', [197, 768, 3072], { activation: true }),
  linear('ViT-B/32 MLP 1', [50, 768, 3072], { activation: true }),
  linear('small MLP 1', [145, 128, 512], { activation: true }),
  attention('ViT-L', [1, 1370, 16]),
  attention('ViT-L V-V', [1, 1370, 16], { source: 'vv' }),
  pair('ViT-L', 1370, 16),
  attention('ViT-B/16', [1, 197, 12]),
  attention('ViT-B/32', [1, 50, 12]),
  attention('small', [1, 145, 2]),
  attention('text', [80, 12, 12], { causal: true }),
  prompts('80 prompts', 80),
  prompts('10 prompts', 10),
  rowwise('layernorm', 'ViT-L', [1370, 1024], { ...epsilon, backward: false }),
  rowwise('layernorm', 'ViT-B/16', [197, 768], { ...epsilon, backward: false }),
  rowwise('layernorm', 'text', [960, 768], { ...epsilon, backward: true }),
  rowwise('quickgelu', 'text MLP', [960, 3072], { backward: true }),
  rowwise('l2norm', 'ViT-L patches', [1369, 768], { backward: true }),
];
