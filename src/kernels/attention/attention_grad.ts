import { perItem, spread } from '../grid.ts';
import type { Call, Dispatch, Op } from '../op.ts';
import { f32, type Tensor } from '../tensor.ts';
import keyShader from './attention_grad_key.wgsl';
import keySubgroupShader from './attention_grad_key_subgroup.wgsl';
import queryShader from './attention_grad_query.wgsl';
import querySubgroupShader from './attention_grad_query_subgroup.wgsl';
import prefixSumShader from './attention_prefix_sum.wgsl';
import sequenceShader from './attention_sequence_grad.wgsl';
import statisticsShader from './attention_statistics.wgsl';
import keyTileShader from './attention_tile_grad_key.wgsl';
import queryTileShader from './attention_tile_grad_query.wgsl';
import {
  type AttentionAttrs,
  codeOverrides,
  lanesOf,
  pairs,
  sequenceOverrides,
  sizes,
  workgroup,
} from './layout.ts';
import { gradientTileRows, gradientVariants } from './tile.ts';

/** What of the gradient is wanted: of the sequences' own rows, of the prefix. */
export interface AttentionGradAttrs extends AttentionAttrs {
  readonly ofOwn: boolean;
  readonly ofPrefix: boolean;
}

/**
 * Sequences whose contributions to the prefix one invocation of a row kernel adds up: enough queries to be worth a
 * partial sum, few enough that a GPU has many invocations (with 64 queries an H100 took 0.2 ms a call).
 */
const sequencesPerGroup = (length: number): number => Math.max(1, Math.ceil(16 / length));

/**
 * d qkv and d prefix from [qkv, prefix, out, dout, lse], by one dispatch over the sequences and heads, or one each for
 * the statistics, the queries, the keys and the prefix's keys; then the sum of the prefix's shares.
 */
export const gradOp: Op<AttentionGradAttrs> = {
  name: 'attention_grad',
  variants: gradientVariants,
  outputs({ ofOwn, ofPrefix, ...attrs }, [qkv, prefix]) {
    const { sequences, length, width, heads, prefix_length } = sizes(attrs, qkv!);
    return [
      ofOwn ? f32(...qkv!.shape) : f32(1),
      ofPrefix ? f32(...prefix!.shape) : f32(1),
      f32(sequences, heads, length, 2), // workspace: statistics
      ofPrefix ? f32(sequences, prefix_length, 2 * width) : f32(1), // workspace: shares of d prefix
    ];
  },
  dispatches(call) {
    const { ofOwn, ofPrefix, source } = call.attrs;
    const [qkv, prefix] = call.inputs;
    const [, dprefix, , shares] = call.outputs;
    const { sequences, length, width, prefix_length } = sizes(call.attrs, qkv!);
    const fused = sequenceDispatch(call);
    const own = fused ? [fused] : [statisticsDispatch(call), ...(ofOwn ? ownDispatches(call) : [])];
    if (!ofPrefix) return own;
    const span = fused ? 1 : sequencesPerGroup(length);
    const rows = prefix!.shape[1]!;
    return [
      ...own,
      ...(fused ? [] : [keyDispatch(call, { span, keyRows: prefix, keys: prefix_length, dkeys: shares! })]),
      {
        shader: prefixSumShader,
        bindings: { partial: shares, dprefix },
        uniforms: {
          groups: Math.ceil(sequences / span),
          prefix_length,
          width,
          rows,
          first_column: source === 'vv' ? 2 * width : width,
        },
        overrides: { WORKGROUP: 128 },
        workgroups: spread(Math.ceil((rows * 3 * width) / prefixSumShader.constants.COLUMNS!)),
      },
    ];
  },
  cost({ attrs, inputs: [qkv] }) {
    const { own, prefix } = pairs(attrs, qkv!);
    const ofOwn = attrs.ofOwn ? 14 * own + 6 * prefix : 0;
    return { flops: (ofOwn + (attrs.ofPrefix ? 8 * prefix : 0)) * sizes(attrs, qkv!).head_dim };
  },
};

type GradCall = Call<AttentionGradAttrs>;

/** All of a short sequence's gradient; undefined where the call does not use that kernel. */
function sequenceDispatch(call: GradCall): Dispatch | undefined {
  const { attrs, inputs, outputs } = call;
  const [qkv, prefix, , dout] = inputs;
  const overrides = sequenceOverrides(call, qkv!, true);
  if (!overrides) return undefined;
  const { width, ...uniforms } = sizes(attrs, qkv!);
  const used = overrides.PREFIXED ? prefix : undefined;
  return {
    shader: sequenceShader,
    bindings: {
      qkv,
      qkv4: qkv,
      prefix: used,
      prefix4: used,
      dout,
      dout4: dout,
      dqkv: attrs.ofOwn ? outputs[0] : undefined,
      dprefix: attrs.ofPrefix ? outputs[3] : undefined,
    },
    uniforms,
    overrides: { ...overrides, OWN: attrs.ofOwn, OF_PREFIX: attrs.ofPrefix },
    workgroups: spread(uniforms.sequences * uniforms.heads),
  };
}

/** lse and dout . out per query and head. */
function statisticsDispatch({ attrs, inputs, outputs }: GradCall): Dispatch {
  const [qkv, , out, dout, lse] = inputs;
  const { sequences, length, heads, head_dim } = sizes(attrs, qkv!);
  return {
    shader: statisticsShader,
    bindings: { out, dout, lse, statistics: outputs[2] },
    uniforms: { sequences, length, heads, head_dim },
    ...perItem(sequences * heads * length),
  };
}

/** d query, then d key and d value, of the sequences' own rows. */
function ownDispatches(call: GradCall): Dispatch[] {
  const { attrs, inputs, outputs } = call;
  const [qkv, prefix, , dout] = inputs;
  const [dqkv, , statistics] = outputs;
  const { width, ...uniforms } = sizes(attrs, qkv!);
  const { sequences, length, heads, prefix_length } = uniforms;
  const rows = rowKernels(call);
  const used = prefix_length > 0 ? prefix : undefined;
  return [
    {
      shader: rows.query,
      bindings: { qkv, qkv4: qkv, prefix: used, prefix4: used, dout, dout4: dout, statistics, dqkv },
      uniforms,
      overrides: { ...rows.overrides, PREFIXED: prefix_length > 0, SHARED: attrs.source === 'vv' },
      workgroups: spread(rows.workgroups(sequences * heads, length)),
    },
    keyDispatch(call, { span: 1, keyRows: undefined, keys: length, dkeys: dqkv! }),
  ];
}

/** The kernels of d query and of d key and d value that a call uses, and how many workgroups take the rows of heads. */
function rowKernels(call: GradCall) {
  const { head_dim, length } = sizes(call.attrs, call.inputs[0]!);
  const tile = gradientTileRows(call, length, head_dim);
  if (tile > 0)
    return {
      query: queryTileShader,
      key: keyTileShader,
      overrides: { TILE: tile, ALIGNED: head_dim % 4 === 0 },
      workgroups: (heads: number, rows: number) => heads * Math.ceil(rows / tile),
    };
  const lanes = lanesOf(call);
  const overrides = codeOverrides(head_dim, lanes, call.capabilities);
  if (lanes === 0)
    return {
      query: queryShader,
      key: keyShader,
      overrides,
      workgroups: (heads: number, rows: number) => Math.ceil((heads * rows) / workgroup),
    };
  return {
    query: querySubgroupShader,
    key: keySubgroupShader,
    overrides,
    workgroups: (heads: number, rows: number) => heads * Math.ceil(rows / lanes),
  };
}

interface Keys {
  /** Sequences in a group: 1 for a sequence's own keys, which are masked if the attention is causal. */
  readonly span: number;
  /** The prefix; undefined: the sequences' own rows. */
  readonly keyRows: Tensor | undefined;
  /** Key rows of a group. */
  readonly keys: number;
  readonly dkeys: Tensor;
}

/** d key and d value, of the sequences' own rows or of the prefix. */
function keyDispatch(call: GradCall, { span, keyRows, keys, dkeys }: Keys): Dispatch {
  const { attrs, inputs, outputs } = call;
  const [qkv, , , dout] = inputs;
  const { sequences, length, width, heads, head_dim, causal, scale, columns } = sizes(attrs, qkv!);
  const kernels = rowKernels(call);
  const own = keyRows === undefined;
  const shared = attrs.source === 'vv';
  const rows = keyRows ?? qkv;
  const groups = Math.ceil(sequences / span);
  return {
    shader: kernels.key,
    bindings: {
      qkv,
      qkv4: qkv,
      key_rows: rows,
      key_rows4: rows,
      dout,
      dout4: dout,
      statistics: outputs[2],
      dkeys,
    },
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
      ...kernels.overrides,
      SHARED: shared,
      ACCUMULATE: shared && own,
    },
    workgroups: spread(kernels.workgroups(groups * heads, keys)),
  };
}
