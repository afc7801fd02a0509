import type { Builder, Call, Dispatch, Op } from '../op.ts';
import { quickgeluGradient, quickgeluGradientOp } from '../quickgelu/quickgelu.ts';
import { expandOp, reduce, reduceOp, scaleOf } from '../reduce/reduce.ts';
import { reluGradient, reluGradientOp } from '../relu/relu.ts';
import {
  describe,
  elements,
  f32,
  type Shape,
  ShapeError,
  sameShape,
  type Tensor,
  type TensorSpec,
} from '../tensor.ts';
import { apart, type Geometry, type MatmulAttrs, ofItem, productShape } from './geometry.ts';
import { choose, mixesRows, type Variant, variantNames, variants } from './variants.ts';

export type { MatmulAttrs };

/**
 * out = activation(scale * a b + bias) + residual, or (scale * a b + bias) * slope(x) + residual. Variants: `strip` (registers and subgroup broadcasts, for software
 * adapters); for GPUs `wide_block` and `block` (8 x 8 of the result in each lane's registers), `tile` (smaller tiles in
 * workgroup memory), `split` (the smallest, K shared out, where tiles are few); `skinny` (few rows or columns).
 */
export const matmulOp: Op<MatmulAttrs> = {
  name: 'matmul',
  variants: variantNames,
  addend: 3,
  byItems({ attrs, inputs: [a, b], outputs: [out] }, items) {
    const found = { ...attrs, itemRows: elements(out!.shape.slice(0, -1)) / items };
    checkItems(found, productShape(attrs, a, b).geometry);
    return found;
  },
  rows({ attrs: { transposeA }, inputs: [a, b, , residual, x] }) {
    if (transposeA || a!.shape.length !== 2 || b!.shape.length !== 2) return undefined;
    return { own: [0, ...(residual ? [3] : []), ...(x ? [4] : [])], count: a!.shape[0]! };
  },
  after(node, made) {
    const scaled = made(0);
    if (scaled?.op !== expandOp) return undefined;
    const factor = scaleOf(scaled);
    if (factor === undefined) return undefined;
    const [a, ...rest] = node.inputs;
    return {
      ...node,
      attrs: { ...node.attrs, scale: factor * (node.attrs.scale ?? 1) },
      inputs: [{ ...scaled.inputs[0]!, shape: a!.shape }, ...rest],
      op: matmulOp as Op<unknown>,
    };
  },
  before(node, next) {
    const { attrs, inputs, outputs } = node;
    const [a, b, bias, residual, x] = inputs;
    const [out] = outputs;
    if (attrs.activation || residual || x) return undefined;
    const finished = [{ ...out!, storage: next.outputs[0]!.storage }];
    if (next.op === expandOp) {
      const factor = bias ? undefined : scaleOf(next);
      if (factor === undefined) return undefined;
      return { ...node, attrs: { ...attrs, scale: factor * (attrs.scale ?? 1) }, outputs: finished };
    }
    const slopeOf =
      next.op === quickgeluGradientOp ? 'quickgelu' : next.op === reluGradientOp ? 'relu' : undefined;
    if (!slopeOf || attrs.parts || next.inputs[1]!.storage !== out!.storage) return undefined;
    const at = { ...next.inputs[0]!, shape: out!.shape };
    return { ...node, attrs: { ...attrs, slopeOf }, inputs: [a, b, bias, undefined, at], outputs: finished };
  },
  outputs(attrs, [a, b, bias, residual, x]) {
    const { shape, geometry } = productShape(attrs, a, b);
    const out = f32(...shape);
    checkItems(attrs, geometry);
    if (a!.dtype !== 'f32' || !['f32', 'f16', 'q8'].includes(b!.dtype))
      throw new ShapeError('matmul', 'a in f32 and b in f32, f16 or q8', `${describe(a)} and ${describe(b)}`);
    requireSpec('bias', f32(geometry.N), bias);
    requireSpec('residual', out, residual);
    if (attrs.slopeOf && (!x || attrs.activation))
      throw new ShapeError('matmul', 'x for the slope, and no activation', describe(x));
    requireSpec('x', out, x);
    if (attrs.parts) return [out, f32(attrs.parts, geometry.M, geometry.N)]; // workspace
    return attrs.activation && attrs.saveForBackward ? [out, out] : [out];
  },
  dispatches(call) {
    if (call.attrs.parts) return dispatchesOfParts(call, call.attrs.parts);
    const { geometry } = productShape(call.attrs, call.inputs[0], call.inputs[1]);
    const variant =
      call.variant && call.variant in variants
        ? (call.variant as Variant)
        : choose(call, ofItem(geometry, call.attrs));
    return [variants[variant](call, mixesRows(variant) ? apart(geometry, call.attrs) : geometry)];
  },
  cost({ attrs, inputs: [a, b] }) {
    const { batch, M, N, K } = productShape(attrs, a, b).geometry;
    return { flops: 2 * batch * M * N * K };
  },
  gradient({ attrs, inputs, outputs, upstream: [dout], needs, builder: g }) {
    const [a, b, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const { transposeA = false, transposeB = false, scale, activation, slopeOf } = attrs;
    if (slopeOf) throw new Error('matmul: a gradient has no gradient');
    const beforeActivation = () => {
      if (!activation) return dout!;
      if (activation === 'relu') {
        if (inputs[3]) throw new Error('matmul: the gradient of relu needs its result, without a residual');
        return reluGradient(g, outputs[0]!, dout!);
      }
      if (!outputs[1]) throw new Error(`matmul: the gradient of ${activation} needs saveForBackward`);
      return quickgeluGradient(g, outputs[1], dout!);
    };
    const dz = needs[0] || needs[1] || needs[2] ? beforeActivation() : dout!;
    const gradientA = () =>
      transposeA
        ? matmul(g, b, dz, { transposeA: transposeB, transposeB: true, scale })
        : matmul(g, dz, b, { transposeB: !transposeB, scale });
    const gradientB = () => {
      if (transposeA)
        return transposeB ? matmul(g, dz, a, { transposeA, transposeB, scale }) : matmul(g, a, dz, { scale });
      // With a shared b, the sum over the batch is a longer sum over the rows.
      const shared = elements(b.shape.slice(0, -2)) === 1;
      const rows = (t: Tensor) => (shared ? g.view(t, asRows(t.shape)) : t);
      return transposeB
        ? productOverRows(g, rows(dz), rows(a), scale)
        : productOverRows(g, rows(a), rows(dz), scale);
    };
    return [
      needs[0] ? sumBatch(g, gradientA(), a.shape) : undefined,
      needs[1] ? sumBatch(g, gradientB(), b.shape) : undefined,
      needs[2] ? sumBatch(g, dz, bias!.shape) : undefined,
      needs[3] ? dout : undefined,
    ];
  },
};

function checkItems({ itemRows, transposeA }: MatmulAttrs, { batch, M }: Geometry): void {
  if (itemRows === undefined) return;
  if (batch > 1 ? itemRows % M === 0 : M % itemRows === 0 && (itemRows === M || !transposeA)) return;
  throw new ShapeError('matmul', `rows in items of ${itemRows}`, `${batch} matrices of ${M} rows`);
}

/** Rows that one workgroup of a GPU should at most walk. */
const longestSum = 512;

/**
 * left^T right, for left [..., rows, M] and right [..., rows, N]. A GPU's workgroup walks all rows of its tile of the
 * result, of which there are few without a batch: a long sum is cut into parts that others walk, and their sums are
 * added in order.
 */
function productOverRows(g: Builder, left: Tensor, right: Tensor, scale: number | undefined): Tensor {
  const rows = left.shape.at(-2)!;
  let parts = left.shape.length === 2 && right.shape.length === 2 ? Math.ceil(rows / longestSum) : 1;
  while (parts > 1 && rows % parts !== 0) parts -= 1;
  return matmul(g, left, right, { transposeA: true, scale, ...(parts > 1 ? { parts } : {}) });
}

/** A product over rows in parts and their sum; a software adapter, whose cores are few, walks all rows at once. */
function dispatchesOfParts(call: Call<MatmulAttrs>, parts: number): Dispatch[] {
  const { capabilities, variant } = call;
  const [a, b, bias, addend] = call.inputs;
  const [out, sums] = call.outputs as [Tensor, Tensor];
  const { parts: _, ...attrs } = call.attrs;
  const strip: Variant = 'strip';
  if (capabilities.software && (variant ?? strip) === strip)
    return matmulOp.dispatches({ ...call, attrs, outputs: [out] });
  const cut = (t: Tensor): Tensor => ({ ...t, shape: [parts, t.shape[0]! / parts, t.shape[1]!] });
  const inputs = [cut(a!), cut(b!), bias];
  return [
    ...matmulOp.dispatches({ ...call, attrs, inputs, outputs: [sums] }),
    ...reduceOp.dispatches({
      attrs: { kind: 'sum', axis: 0 },
      inputs: [sums, addend],
      outputs: [out],
      capabilities,
    }),
  ];
}

function requireSpec(what: string, expected: TensorSpec, found: TensorSpec | undefined): void {
  if (found && (found.dtype !== 'f32' || !sameShape(found.shape, expected.shape)))
    throw new ShapeError('matmul', `${what} ${describe(expected)}`, describe(found));
}

const asRows = (shape: Shape): Shape => [elements(shape.slice(0, -1)), shape.at(-1)!];

/** Sums the leading dimensions that `shape` has not. */
function sumBatch(g: Builder, x: Tensor, shape: Shape): Tensor {
  const size = elements(shape);
  const count = elements(x.shape) / size;
  const sum = count === 1 ? x : reduce(g, g.view(x, [count, size]), { kind: 'sum', axis: 0 });
  return g.view(sum, shape);
}

/**
 * activation(scale * a b + bias) + residual.
 * @param a [..., M, K], or [..., K, M] with `transposeA`
 * @param b [..., K, N], or [..., N, K] with `transposeB`; f32, or f16 or q8 for frozen weights. The batch dimensions are
 *   equal, or one operand has none (or 1 in all) and serves the whole batch.
 * @param options bias [N]; residual of the output's shape; `saveForBackward` keeps the values before the activation,
 *   which its gradient needs
 * @returns [..., M, N] in f32
 * @throws ShapeError for operands that do not fit together
 */
export function matmul(g: Builder, a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { bias, residual, ...attrs } = options;
  return g.apply(matmulOp, attrs, [a, b, bias, residual])[0]!;
}

export interface MatmulOptions extends MatmulAttrs {
  readonly bias?: Tensor | undefined;
  readonly residual?: Tensor | undefined;
}

/**
 * PyTorch's linear layer: activation(x weight^T + bias) + residual.
 * @param x [..., in]
 * @param weight [out, in], or [..., out, in] with x's batch
 * @returns [..., out]
 * @throws ShapeError for operands that do not fit together
 */
export function linear(
  g: Builder,
  x: Tensor,
  weight: Tensor,
  options: Omit<MatmulOptions, 'transposeA' | 'transposeB' | 'scale'> = {},
): Tensor {
  if (weight.shape.length !== 2) return matmul(g, x, weight, { ...options, transposeB: true });
  if (x.shape.length === 0) throw new ShapeError('linear', 'x [..., in]', describe(x));
  const { residual } = options;
  const shape = [...x.shape.slice(0, -1), weight.shape[0]!];
  requireSpec('residual', f32(...shape), residual);
  const out = matmul(g, g.view(x, asRows(x.shape)), weight, {
    ...options,
    transposeB: true,
    residual: residual && g.view(residual, asRows(residual.shape)),
  });
  return g.view(out, shape);
}
