import { perItem, spread } from '../grid.ts';
import type { Call, Dispatch, Op } from '../op.ts';
import { f32, type Tensor } from '../tensor.ts';
import keyShader from './attention_grad_key.wgsl';
import keySubgroupShader from './attention_grad_key_subgroup.wgsl';
import queryShader from './attention_grad_query.wgsl';
import querySubgroupShader from './attention_grad_query_subgroup.wgsl';
import prefixSumShader from './attention_prefix_sum.wgsl';
import statisticsShader from './attention_statistics.wgsl';
import {
  type AttentionAttrs,
  codeOverrides,
  lanesOf,
  pairs,
  rowVariants,
  sizes,
  workgroup,
} from './layout.ts';

/** The statistics of both gradients from [out, dout, lse]: lse and dout . out per query and head, [B, heads, L, 2]. */
export const statisticsOp: Op<{ readonly heads: number }> = {
  name: 'attention_statistics',
  outputs: ({ heads }, [out]) => [f32(out!.shape[0]!, heads, out!.shape[1]!, 2)],
  dispatches({ attrs: { heads }, inputs: [out, dout, lse], outputs: [statistics] }) {
    const [sequences, length, width] = out!.shape as [number, number, number];
    return [
      {
        shader: statisticsShader,
        bindings: { out, dout, lse, statistics },
        uniforms: { sequences, length, heads, head_dim: width / heads },
        ...perItem(sequences * heads * length),
      },
    ];
  },
  cost: ({ inputs: [out] }) => ({ flops: 2 * out!.shape.reduce((a, b) => a * b, 1) }),
};

/** d qkv from [qkv, prefix, dout, statistics]. */
export const gradOp: Op<AttentionAttrs> = {
  name: 'attention_grad',
  variants: rowVariants,
  outputs: (_, [qkv]) => [f32(...qkv!.shape)],
  dispatches(call) {
    const {
      attrs,
      inputs: [qkv, prefix, dout, statistics],
      outputs: [dqkv],
    } = call;
    const { width, ...uniforms } = sizes(attrs, qkv!);
    const { sequences, length, heads, head_dim, prefix_length } = uniforms;
    const lanes = lanesOf(call);
    const used = prefix_length > 0 ? prefix : undefined;
    const shared = attrs.source === 'vv';
    return [
      {
        shader: lanes > 0 ? querySubgroupShader : queryShader,
        bindings: { qkv, qkv4: qkv, prefix: used, prefix4: used, dout, dout4: dout, statistics, dqkv },
        uniforms,
        overrides: {
          ...codeOverrides(head_dim, lanes, call.capabilities),
          PREFIXED: prefix_length > 0,
          SHARED: shared,
        },
        workgroups: spread(
          lanes > 0
            ? sequences * heads * Math.ceil(length / lanes)
            : Math.ceil((sequences * heads * length) / workgroup),
        ),
      },
      keyDispatch({
        call,
        operands: { qkv, key_rows: qkv, dout, statistics, dkeys: dqkv },
        keys: length,
        span: 1,
        own: true,
      }),
    ];
  },
  cost({ attrs, inputs: [qkv] }) {
    const { own, prefix } = pairs(attrs, qkv!);
    return { flops: (14 * own + 6 * prefix) * sizes(attrs, qkv!).head_dim };
  },
};

/**
 * Sequences whose contributions to the prefix one invocation adds up: enough queries to be worth a partial sum, few
 * enough that a GPU has many invocations (with 64 queries an H100 took 0.2 ms a call).
 */
const sequencesPerGroup = (length: number): number => Math.max(1, Math.ceil(16 / length));

/** d prefix from [qkv, prefix, dout, statistics]: partial sums over groups of sequences, then their sum. */
export const prefixGradOp: Op<AttentionAttrs> = {
  name: 'attention_prefix_grad',
  variants: rowVariants,
  outputs(attrs, [qkv, prefix]) {
    const { sequences, length, width, prefix_length } = sizes(attrs, qkv!);
    const groups = Math.ceil(sequences / sequencesPerGroup(length));
    return [f32(...prefix!.shape), f32(groups, prefix_length, 2 * width)];
  },
  dispatches(call) {
    const {
      attrs,
      inputs: [qkv, prefix, dout, statistics],
      outputs: [dprefix, partial],
    } = call;
    const { length, width, prefix_length } = sizes(attrs, qkv!);
    const [groups] = partial!.shape as [number];
    const rows = prefix!.shape[1]!;
    return [
      keyDispatch({
        call,
        operands: { qkv, key_rows: prefix, dout, statistics, dkeys: partial },
        keys: prefix_length,
        span: sequencesPerGroup(length),
        own: false,
      }),
      {
        shader: prefixSumShader,
        bindings: { partial, dprefix },
        uniforms: {
          groups,
          prefix_length,
          width,
          rows,
          first_column: attrs.source === 'vv' ? 2 * width : width,
        },
        ...perItem(rows * 3 * width),
      },
    ];
  },
  cost: ({ attrs, inputs: [qkv] }) => ({
    flops: 8 * pairs(attrs, qkv!).prefix * sizes(attrs, qkv!).head_dim,
  }),
};

interface KeyDispatch {
  readonly call: Call<AttentionAttrs>;
  readonly operands: Readonly<
    Record<'qkv' | 'key_rows' | 'dout' | 'statistics' | 'dkeys', Tensor | undefined>
  >;
  /** Key rows of a group of sequences. */
  readonly keys: number;
  /** Sequences in a group: 1 for a sequence's own keys, which are masked if the attention is causal. */
  readonly span: number;
  /** The rows are the sequences' own, not the prefix. */
  readonly own: boolean;
}

/** d key and d value, of the sequences' own rows or of the prefix. */
function keyDispatch({ call, operands, keys, span, own }: KeyDispatch): Dispatch {
  const { attrs } = call;
  const lanes = lanesOf(call);
  const { qkv, key_rows, dout } = operands;
  const { sequences, length, width, heads, head_dim, causal, scale, columns } = sizes(attrs, qkv!);
  const shared = attrs.source === 'vv';
  const groups = Math.ceil(sequences / span);
  return {
    shader: lanes > 0 ? keySubgroupShader : keyShader,
    bindings: { ...operands, qkv4: qkv, key_rows4: key_rows, dout4: dout },
    uniforms: {
      sequences,
      length,
      heads,
      head_dim,
      causal: own ? causal : 0,
      scale,
      keys,
      span,
      key_stride: own ? length : 0,
      columns,
      dkeys_row: own ? [3 * width, width, 2 * width, 0] : [2 * width, 0, width, 0],
    },
    overrides: {
      ...codeOverrides(head_dim, lanes, call.capabilities),
      SHARED: shared,
      ACCUMULATE: shared && own,
    },
    workgroups: spread(
      lanes === 0 ? Math.ceil((groups * heads * keys) / workgroup) : groups * heads * Math.ceil(keys / lanes),
    ),
  };
}
