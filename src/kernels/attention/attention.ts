import type { Builder, Op } from '../op.ts';
import { describe, elements, f32, ShapeError, type Tensor, type TensorSpec } from '../tensor.ts';
import { gradOp } from './attention_grad.ts';
import { prefixSumOp } from './attention_prefix_sum.ts';
import { attentionBeside, gradientBeside } from './beside.ts';
import { forwardDispatches } from './forward.ts';
import { type AttentionAttrs, pairs, sizes } from './layout.ts';
import { forwardVariants } from './tile.ts';

export type { AttentionAttrs };

const maxHeadDim = 128;

export function checkAttention(
  { heads, prefixLength = 0 }: AttentionAttrs,
  qkv: TensorSpec | undefined,
  prefix: TensorSpec | undefined,
): asserts qkv is TensorSpec {
  const packed = qkv?.shape[2] ?? 0;
  if (qkv?.dtype !== 'f32' || qkv.shape.length !== 3 || elements(qkv.shape) === 0)
    throw new ShapeError('attention', 'qkv f32 [B, L, 3 D] with elements', describe(qkv));
  if (packed % (3 * heads) !== 0 || packed / (3 * heads) > maxHeadDim)
    throw new ShapeError('attention', `3 * ${heads} heads of at most ${maxHeadDim}`, describe(qkv));
  if (prefixLength === 0) return;
  if (
    prefix?.dtype !== 'f32' ||
    prefix.shape.length !== 3 ||
    prefix.shape[0] !== 1 ||
    prefix.shape[1]! < prefixLength ||
    prefix.shape[2] !== packed
  )
    throw new ShapeError(
      'attention',
      `prefix f32 [1, at least ${prefixLength}, ${packed}]`,
      describe(prefix),
    );
}

const attentionGradOp = { ...gradOp, neighbours: gradientBeside };

/** Inputs qkv and, where prefixLength > 0, prefix; outputs the heads' results and the log-sum-exp for backward. */
export const attentionOp: Op<AttentionAttrs> = {
  name: 'attention',
  variants: forwardVariants,
  outputs(attrs, [qkv, prefix]) {
    checkAttention(attrs, qkv, prefix);
    const { sequences, length, width, heads } = sizes(attrs, qkv);
    return [f32(sequences, length, width), f32(sequences, heads, length)];
  },
  dispatches: forwardDispatches,
  neighbours: attentionBeside,
  cost({ attrs, inputs: [qkv] }) {
    const { own, prefix } = pairs(attrs, qkv!);
    return { flops: 4 * (own + prefix) * sizes(attrs, qkv!).head_dim };
  },
  gradient({ attrs, inputs: [qkv, prefix], outputs: [out, lse], upstream: [dout], needs, builder: g }) {
    if (!dout) return [];
    const [ofOwn, ofPrefix] = [needs[0] === true, needs[1] === true];
    const [dqkv, shares] = g.apply(attentionGradOp, { ...attrs, ofOwn, ofPrefix }, [
      qkv,
      prefix,
      out,
      dout,
      lse,
    ]);
    if (!ofPrefix) return [dqkv];
    const [dprefix] = g.apply(
      prefixSumOp,
      { rows: prefix!.shape[1]!, ...(attrs.source ? { source: attrs.source } : {}) },
      [shares],
    );
    return [ofOwn ? dqkv : undefined, dprefix];
  },
};

/**
 * Multi-head scaled dot-product attention (scale headDim ** -0.5, headDim at most 128), heads merged.
 * @param qkv [B, L, 3 D], rows packed as [query | key | value], D = heads * headDim
 * @param options `prefix` [1, P, 3 D] is another sequence's packed qkv, whose first `prefixLength` rows are keys and
 * values that every query sees before its own sequence's
 * @returns [B, L, D]
 * @throws ShapeError
 */
export function attention(
  g: Builder,
  qkv: Tensor,
  { prefix, ...attrs }: AttentionAttrs & { readonly prefix?: Tensor },
): Tensor {
  return g.apply(attentionOp, attrs, attrs.prefixLength ? [qkv, prefix] : [qkv])[0]!;
}
