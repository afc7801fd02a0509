import { add } from '../elementwise/elementwise.ts';
import type { Builder, Call, Op } from '../op.ts';
import { f32, type Tensor } from '../tensor.ts';
import { attentionOp, checkAttention } from './attention.ts';
import { type AttentionAttrs, sequenceOverrides, sizes } from './layout.ts';
import { forwardVariants, tileDispatch, usesTiles } from './tile.ts';

export interface AttentionPairAttrs {
  readonly heads: number;
}

const parts = (heads: number): { attrs: AttentionAttrs; first: number }[] => [
  { attrs: { heads }, first: 0 },
  { attrs: { heads, source: 'vv' }, first: 2 },
];

/**
 * Query-key and V-V attention of the same rows. Outputs of the first, then of the second: the heads' results and the
 * log-sum-exp. On a GPU one dispatch: twice as many workgroups for a GPU that one attention of one image does not fill.
 */
export const attentionPairOp: Op<AttentionPairAttrs> = {
  name: 'attention_pair',
  variants: forwardVariants,
  outputs({ heads }, [qkv]) {
    checkAttention({ heads }, qkv, undefined);
    const { sequences, length, width } = sizes({ heads }, qkv);
    const each = [f32(sequences, length, width), f32(sequences, heads, length)];
    return [...each, ...each];
  },
  dispatches(call) {
    const { heads } = call.attrs;
    const [qkv] = call.inputs;
    const single = { ...call, attrs: { heads } };
    if (!sequenceOverrides(single, qkv!, false) && usesTiles(call, sizes({ heads }, qkv!).length)) {
      const [out, lse, outVv, lseVv] = call.outputs as readonly [Tensor, Tensor, Tensor, Tensor];
      return [tileDispatch(call.capabilities, { heads }, call.inputs, [out, lse, outVv, lseVv])];
    }
    return parts(heads).flatMap(({ attrs, first }) => {
      const part: Call<AttentionAttrs> = { ...call, attrs, outputs: call.outputs.slice(first, first + 2) };
      return attentionOp.dispatches(part);
    });
  },
  cost: ({ attrs: { heads }, inputs, outputs }) => ({
    flops: 2 * attentionOp.cost({ attrs: { heads }, inputs, outputs }).flops,
  }),
  gradient(call) {
    const { outputs, upstream, builder } = call;
    const each = parts(call.attrs.heads).flatMap(({ attrs, first }) => {
      const [dqkv] = attentionOp.gradient!({
        ...call,
        attrs,
        outputs: outputs.slice(first, first + 2),
        upstream: upstream.slice(first, first + 2),
      });
      return dqkv ? [dqkv] : [];
    });
    return each.length === 2 ? [add(builder, each[0]!, each[1]!)] : each;
  },
};

/**
 * Query-key and V-V attention of the same rows, as `attention` computes each.
 * @param qkv [B, L, 3 D], rows packed as [query | key | value], D = heads * headDim
 * @returns `ordinary` and `vv` [B, L, D]
 * @throws ShapeError
 */
export function attentionPair(g: Builder, qkv: Tensor, heads: number): { ordinary: Tensor; vv: Tensor } {
  const [ordinary, , vv] = g.apply(attentionPairOp, { heads }, [qkv]);
  return { ordinary: ordinary!, vv: vv! };
}
