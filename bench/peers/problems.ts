// What every library computes: the shapes, the same operands for all, and the work.
import { elements, type Shape } from '../../src/kernels/tensor.ts';
import { uniform } from '../random.ts';

export interface Sequences {
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  readonly headDim: number;
  readonly causal: boolean;
}

/** One computation of the comparison. */
export type Problem =
  | { readonly kind: 'matmul'; readonly M: number; readonly K: number; readonly N: number }
  | { readonly kind: 'layernorm' | 'softmax' | 'quickgelu'; readonly rows: number; readonly width: number }
  | ({ readonly kind: 'attention' | 'block' | 'block gradient' } & Sequences);

/** Sets of operands, used one after the other: what one leaves in the caches the next cannot use. */
export const rotation = 3;

export interface Operand {
  readonly shape: Shape;
  /** Uniform numbers of this standard deviation around `mean`. */
  readonly deviation: number;
  readonly mean?: number;
  /** A frozen weight: the same in every set, and libraries may prepare it as they like. */
  readonly frozen?: true;
}

/**
 * Names and shapes. Matrices are PyTorch's, [out, in]. A block is CLIP's residual attention block with QuickGELU;
 * `block gradient` is its output and d sum(output * dout) / d x.
 */
export function operands(problem: Problem): Record<string, Operand> {
  const data = (...shape: number[]): Operand => ({ shape, deviation: 1 });
  const matrix = (out: number, inner: number): Operand => ({
    shape: [out, inner],
    deviation: inner ** -0.5,
    frozen: true,
  });
  const vector = (n: number, mean = 0): Operand => ({ shape: [n], deviation: 0.1, mean, frozen: true });
  switch (problem.kind) {
    case 'matmul':
      return { x: data(problem.M, problem.K), weight: matrix(problem.N, problem.K) };
    case 'layernorm':
      return {
        x: data(problem.rows, problem.width),
        weight: vector(problem.width, 1),
        bias: vector(problem.width),
      };
    case 'softmax':
    case 'quickgelu':
      return { x: data(problem.rows, problem.width) };
    case 'attention':
      return { qkv: data(problem.batch, problem.length, 3 * widthOf(problem)) };
    default: {
      const d = widthOf(problem);
      return {
        x: data(problem.batch, problem.length, d),
        ...(problem.kind === 'block gradient' ? { dout: data(problem.batch, problem.length, d) } : {}),
        'ln_1.weight': vector(d, 1),
        'ln_1.bias': vector(d),
        'attn.in_proj_weight': matrix(3 * d, d),
        'attn.in_proj_bias': vector(3 * d),
        'attn.out_proj.weight': matrix(d, d),
        'attn.out_proj.bias': vector(d),
        'ln_2.weight': vector(d, 1),
        'ln_2.bias': vector(d),
        'mlp.c_fc.weight': matrix(4 * d, d),
        'mlp.c_fc.bias': vector(4 * d),
        'mlp.c_proj.weight': matrix(d, 4 * d),
        'mlp.c_proj.bias': vector(d),
      };
    }
  }
}

export const widthOf = ({ heads, headDim }: Sequences): number => heads * headDim;

/** What is added to the scores of a causal attention. */
export const causalMask = (length: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: length * length }, (_, i) => (i % length > Math.floor(i / length) ? -1e9 : 0));

/** The operands' numbers, seeded: the same in every process and in the browser. */
export function values(problem: Problem, set: number): Record<string, Float32Array<ArrayBuffer>> {
  return Object.fromEntries(
    Object.entries(operands(problem)).map(([name, { shape, deviation, mean = 0, frozen }], i) => {
      const next = uniform(7919 * i + (frozen ? 0 : 104729 * (set + 1)));
      return [name, Float32Array.from({ length: elements(shape) }, () => mean + deviation * next())];
    }),
  );
}

/** Multiply-adds count 2; a causal pair that is masked counts nothing. */
export function flopsOf(problem: Problem): number {
  switch (problem.kind) {
    case 'matmul':
      return 2 * problem.M * problem.K * problem.N;
    case 'layernorm':
      return 8 * problem.rows * problem.width;
    case 'softmax':
    case 'quickgelu':
      return 5 * problem.rows * problem.width;
    default: {
      const { batch, length, causal } = problem;
      const d = widthOf(problem);
      const attention = 4 * batch * d * (causal ? (length * (length + 1)) / 2 : length * length);
      if (problem.kind === 'attention') return attention;
      const forward = attention + 24 * batch * length * d * d;
      // No gradient of the weights: each product again once; attention's two products twice and the scores again.
      return problem.kind === 'block' ? forward : forward + 24 * batch * length * d * d + 2.5 * attention;
    }
  }
}

/** Rows of the result [rows, columns] that are compared with the float64 reference. */
export function sampledRows(problem: Problem): number[] {
  const spreadOver = (count: number, samples: number) => [
    ...new Set(Array.from({ length: samples }, (_, i) => Math.round((i * (count - 1)) / (samples - 1)))),
  ];
  switch (problem.kind) {
    case 'matmul':
      return spreadOver(problem.M, 9);
    case 'layernorm':
    case 'softmax':
    case 'quickgelu':
      return spreadOver(problem.rows, 33);
    default: {
      const { batch, length } = problem;
      if (batch === 1) return spreadOver(length, 9);
      return spreadOver(batch, 3).flatMap((b) => Array.from({ length }, (_, i) => b * length + i));
    }
  }
}

export interface NamedProblem {
  readonly name: string;
  readonly problem: Problem;
  /** Small enough for a browser's software adapter. */
  readonly browser?: true;
}

const matmul = (M: number, K: number, N: number): Problem => ({ kind: 'matmul', M, K, N });
const rows = (kind: 'layernorm' | 'softmax' | 'quickgelu', count: number, width: number): Problem => ({
  kind,
  rows: count,
  width,
});
const sequences = (
  kind: 'attention' | 'block' | 'block gradient',
  [batch, length]: readonly [number, number],
  heads: number,
  causal = false,
): Problem => ({ kind, batch, length, heads, headDim: 64, causal });

/** The model's own shapes: ViT-L/14 at 518 px, its text encoder (80 prompts of 12 tokens), ViT-B/16 and B/32, the small CLIP. */
export const problems: readonly NamedProblem[] = [
  { name: 'matmul 1024^3', problem: matmul(1024, 1024, 1024) },
  { name: 'matmul 512^3', problem: matmul(512, 512, 512), browser: true },
  { name: 'matmul ViT-L qkv 1370x1024x3072', problem: matmul(1370, 1024, 3072) },
  { name: 'matmul ViT-L mlp 1370x4096x1024', problem: matmul(1370, 4096, 1024) },
  { name: 'matmul ViT-B/16 fc 197x768x3072', problem: matmul(197, 768, 3072), browser: true },
  { name: 'matmul ViT-B/32 fc 50x768x3072', problem: matmul(50, 768, 3072), browser: true },
  { name: 'matmul small CLIP fc 145x128x512', problem: matmul(145, 128, 512), browser: true },
  { name: 'matmul text fc 960x768x3072', problem: matmul(960, 768, 3072) },
  { name: 'matmul one text 12x768x3072', problem: matmul(12, 768, 3072), browser: true },
  { name: 'matmul prior 1x7680x480', problem: matmul(1, 7680, 480), browser: true },
  { name: 'layernorm ViT-L 1370x1024', problem: rows('layernorm', 1370, 1024), browser: true },
  { name: 'layernorm text 960x768', problem: rows('layernorm', 960, 768), browser: true },
  { name: 'softmax ViT-L head 1370x1370', problem: rows('softmax', 1370, 1370), browser: true },
  { name: 'softmax text 11520x12', problem: rows('softmax', 11520, 12), browser: true },
  { name: 'quickgelu ViT-L 1370x4096', problem: rows('quickgelu', 1370, 4096), browser: true },
  { name: 'attention ViT-L 1370, 16 heads', problem: sequences('attention', [1, 1370], 16) },
  { name: 'attention ViT-B/16 197, 12 heads', problem: sequences('attention', [1, 197], 12), browser: true },
  {
    name: 'attention text 80x12, 12 heads, causal',
    problem: sequences('attention', [80, 12], 12, true),
    browser: true,
  },
  { name: 'block ViT-B/16 197x768', problem: sequences('block', [1, 197], 12), browser: true },
  { name: 'block ViT-L 1370x1024', problem: sequences('block', [1, 1370], 16) },
  { name: 'block small CLIP 145x128', problem: sequences('block', [1, 145], 2), browser: true },
  { name: 'block text 80x12x768', problem: sequences('block', [80, 12], 12, true) },
  { name: 'block gradient text 80x12x768', problem: sequences('block gradient', [80, 12], 12, true) },
  {
    name: 'block gradient text 8x12x768',
    problem: sequences('block gradient', [8, 12], 12, true),
    browser: true,
  },
];
