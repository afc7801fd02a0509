// The definition in float64, for the sampled rows only: a whole ViT-L block would take minutes.
import { attentionReference } from '../../src/kernels/attention/attention.ref.ts';
import { layernormReference } from '../../src/kernels/layernorm/layernorm.ref.ts';
import type { RefTensor } from '../../src/kernels/op-test.ts';
import type { Shape } from '../../src/kernels/tensor.ts';
import { operands, type Problem, type Sequences, sampledRows, values, widthOf } from './problems.ts';

type Operands = Record<string, RefTensor>;

const tensor = (shape: Shape, data: ArrayLike<number>): RefTensor => ({
  shape,
  data: Float64Array.from(data),
});

/** Rows of a matrix. */
const pick = ({ data, shape }: RefTensor, rows: readonly number[]): RefTensor => {
  const width = shape.at(-1)!;
  return tensor(
    [rows.length, width],
    rows.flatMap((row) => [...data.subarray(row * width, (row + 1) * width)]),
  );
};

const flat = ({ data, shape }: RefTensor): RefTensor => ({
  data,
  shape: [shape.slice(0, -1).reduce((a, b) => a * b, 1), shape.at(-1)!],
});

const sum = (a: RefTensor, b: RefTensor): RefTensor => ({
  shape: a.shape,
  data: a.data.map((value, i) => value + b.data[i]!),
});

/** Sampled rows of every output of set `set`. */
export function reference(problem: Problem, set: number): Record<string, Float64Array> {
  const numbers = values(problem, set);
  const given: Operands = Object.fromEntries(
    Object.entries(operands(problem)).map(([name, { shape }]) => [name, tensor(shape, numbers[name]!)]),
  );
  const rows = sampledRows(problem);
  switch (problem.kind) {
    case 'matmul':
      return { out: linear(pick(given.x!, rows), given.weight!).data };
    case 'layernorm':
      return { out: layerNorm(pick(given.x!, rows), given.weight!, given.bias!).data };
    case 'softmax':
      return { out: softmaxRows(pick(given.x!, rows)) };
    case 'quickgelu':
      return { out: pick(given.x!, rows).data.map((x) => x / (1 + Math.exp(-1.702 * x))) };
    case 'attention':
      return { out: attend(flat(given.qkv!), flat(given.qkv!), problem, rows).data };
    case 'block':
      return { out: block(given, problem, rows).out.data };
    case 'block gradient': {
      // Sequences do not see each other: the sampled ones are a problem of their own.
      const own = { ...problem, batch: rows.length / problem.length };
      const x = pick(flat(given.x!), rows);
      const dout = pick(flat(given.dout!), rows);
      const all = Array.from(rows, (_, i) => i);
      const forward = block({ ...given, x }, own, all);
      return { out: forward.out.data, dx: blockGradient({ ...given, x }, own, forward, dout).data };
    }
  }
}

/** x weight^T + bias, in plain loops: the operator's reference would take a minute for a ViT-L block. */
function linear(x: RefTensor, weight: RefTensor, bias?: RefTensor): RefTensor {
  const [count, inner] = x.shape as [number, number];
  const columns = weight.shape[0]!;
  const out = new Float64Array(count * columns);
  for (let row = 0; row < count; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let total = bias ? bias.data[column]! : 0;
      for (let k = 0, a = row * inner, b = column * inner; k < inner; k += 1, a += 1, b += 1)
        total += x.data[a]! * weight.data[b]!;
      out[row * columns + column] = total;
    }
  }
  return { shape: [count, columns], data: out };
}

function linearGradient(weight: RefTensor, dout: RefTensor): RefTensor {
  const [out, inner] = weight.shape as [number, number];
  const data = Float64Array.from(
    { length: out * inner },
    (_, i) => weight.data[(i % out) * inner + Math.floor(i / out)]!,
  );
  return linear(dout, { shape: [inner, out], data });
}

const layerNorm = (x: RefTensor, weight: RefTensor, bias: RefTensor) =>
  layernormReference.forward({ epsilon: 1e-5 }, [x, weight, bias])[0]!;
const layerNormGradient = (x: RefTensor, weight: RefTensor, bias: RefTensor, dout: RefTensor) =>
  layernormReference.backward!({ epsilon: 1e-5 }, [x, weight, bias], [dout])[0]!;

function softmaxRows({ data, shape: [count, width] }: RefTensor): Float64Array {
  const out = new Float64Array(data.length);
  for (let row = 0; row < count!; row += 1) {
    const x = data.subarray(row * width!, (row + 1) * width!);
    const top = x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const exponentials = x.map((value) => Math.exp(value - top));
    const total = exponentials.reduce((a, b) => a + b, 0);
    out.set(
      exponentials.map((value) => value / total),
      row * width!,
    );
  }
  return out;
}

/** Attention of the queries in `rows` over their sequences' keys and values; matrices are packed [q | k | v]. */
function attend(queries: RefTensor, keys: RefTensor, problem: Sequences, rows: readonly number[]): RefTensor {
  const { length, heads, headDim, causal } = problem;
  const width = widthOf(problem);
  const out = new Float64Array(rows.length * width);
  const at = (t: RefTensor, row: number, part: number, head: number) => {
    const start = row * 3 * width + part * width + head * headDim;
    return t.data.subarray(start, start + headDim);
  };
  rows.forEach((row, i) => {
    const first = row - (row % length);
    const seen = causal ? (row % length) + 1 : length;
    for (let head = 0; head < heads; head += 1) {
      const q = at(queries, row, 0, head);
      const scores = Float64Array.from({ length: seen }, (_, j) => {
        const k = at(keys, first + j, 1, head);
        return q.reduce((total, value, c) => total + value * k[c]!, 0) * headDim ** -0.5;
      });
      const weights = softmaxRows({ data: scores, shape: [1, seen] });
      weights.forEach((weight, j) => {
        const v = at(keys, first + j, 2, head);
        for (let c = 0; c < headDim; c += 1) out[i * width + head * headDim + c]! += weight * v[c]!;
      });
    }
  });
  return { shape: [rows.length, width], data: out };
}

/** Keys and values of all rows, everything else of `rows` only. */
function block(w: Operands, problem: Sequences, rows: readonly number[]) {
  const x = flat(w.x!);
  const normed = layerNorm(x, w['ln_1.weight']!, w['ln_1.bias']!);
  const qkv = linear(normed, w['attn.in_proj_weight']!, w['attn.in_proj_bias']!);
  const attended = attend(qkv, qkv, problem, rows);
  const middle = sum(pick(x, rows), linear(attended, w['attn.out_proj.weight']!, w['attn.out_proj.bias']!));
  const second = layerNorm(middle, w['ln_2.weight']!, w['ln_2.bias']!);
  const hidden = linear(second, w['mlp.c_fc.weight']!, w['mlp.c_fc.bias']!);
  const active = { ...hidden, data: hidden.data.map((z) => z / (1 + Math.exp(-1.702 * z))) };
  const out = sum(middle, linear(active, w['mlp.c_proj.weight']!, w['mlp.c_proj.bias']!));
  return { out, x, qkv, middle, hidden };
}

function blockGradient(
  w: Operands,
  problem: Sequences,
  forward: ReturnType<typeof block>,
  dout: RefTensor,
): RefTensor {
  const { x, qkv, middle, hidden } = forward;
  const dactive = linearGradient(w['mlp.c_proj.weight']!, dout);
  const dhidden = {
    ...dactive,
    data: dactive.data.map((d, i) => {
      const z = hidden.data[i]!;
      const s = 1 / (1 + Math.exp(-1.702 * z));
      return d * s * (1 + 1.702 * z * (1 - s));
    }),
  };
  const dsecond = linearGradient(w['mlp.c_fc.weight']!, dhidden);
  const dmiddle = sum(dout, layerNormGradient(middle, w['ln_2.weight']!, w['ln_2.bias']!, dsecond));
  const dattended = linearGradient(w['attn.out_proj.weight']!, dmiddle);
  const packed = (t: RefTensor): RefTensor => ({ ...t, shape: [problem.batch, problem.length, t.shape[1]!] });
  const [dqkv] = attentionReference.backward!(problem, [packed(qkv)], [packed(dattended)]);
  const dnormed = linearGradient(w['attn.in_proj_weight']!, flat(dqkv!));
  return sum(dmiddle, layerNormGradient(x, w['ln_1.weight']!, w['ln_1.bias']!, dnormed));
}
