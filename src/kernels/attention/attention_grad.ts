import type { OverrideValue } from '../../gpu/pipelines.ts';
import type { Shader } from '../../gpu/shader.ts';
import { perItem, spread } from '../grid.ts';
import type { Call, Dispatch, Op } from '../op.ts';
import { f32, type Tensor } from '../tensor.ts';
import keyShader from './attention_grad_key.wgsl';
import queryShader from './attention_grad_query.wgsl';
import sequenceShader from './attention_sequence_grad.wgsl';
import statisticsShader from './attention_statistics.wgsl';
import keyTileShader from './attention_tile_grad_key.wgsl';
import queryTileShader from './attention_tile_grad_query.wgsl';
import { laneRows } from './lane-rows.ts';
import { type AttentionAttrs, codeOverrides, pairs, sequenceOverrides, sizes, workgroup } from './layout.ts';
import { gradientTileRows, gradientVariants } from './tile.ts';

/** What of the gradient is wanted: of the sequences' own rows, of the prefix. */
export interface AttentionGradAttrs extends AttentionAttrs {
  readonly ofOwn: boolean;
  readonly ofPrefix: boolean;
}

/**
 * d qkv and every sequence's share of d key and d value of the prefix, from [qkv, prefix, out, dout, lse], by one dispatch
 * over the sequences and heads, or one each for the statistics, the queries, the keys and the prefix's keys.
 */
export const gradOp: Op<AttentionGradAttrs> = {
  name: 'attention_grad',
  variants: gradientVariants,
  rows({ attrs: { ofOwn, ofPrefix, prefixLength = 0 }, inputs: [qkv] }) {
    if (!ofOwn || (prefixLength > 0 && !ofPrefix)) return undefined;
    return prefixLength > 0 ? { own: [0, 2, 3, 4], count: qkv!.shape[0]! } : undefined;
  },
  outputs({ ofOwn, ofPrefix, ...attrs }, [qkv]) {
    const { sequences, length, width, heads, prefix_length } = sizes(attrs, qkv!);
    return [
      ofOwn ? f32(...qkv!.shape) : f32(1),
      ofPrefix ? f32(sequences, prefix_length, 2 * width) : f32(1),
      f32(sequences, heads, length, 2), // workspace: statistics
    ];
  },
  dispatches(call) {
    const { ofOwn, ofPrefix } = call.attrs;
    const [qkv, prefix] = call.inputs;
    const fused = sequenceGradient(call);
    if (fused) return [fused];
    const own = [statisticsDispatch(call), ...(ofOwn ? ownDispatches(call) : [])];
    if (!ofPrefix) return own;
    const { prefix_length } = sizes(call.attrs, qkv!);
    return [...own, keyDispatch(call, { keyRows: prefix, keys: prefix_length, dkeys: call.outputs[1]! })];
  },
  cost({ attrs, inputs: [qkv] }) {
    const { own, prefix } = pairs(attrs, qkv!);
    const ofOwn = attrs.ofOwn ? 14 * own + 6 * prefix : 0;
    return { flops: (ofOwn + (attrs.ofPrefix ? 8 * prefix : 0)) * sizes(attrs, qkv!).head_dim };
  },
};

type GradCall = Call<AttentionGradAttrs>;

/**
 * All of a short sequence's gradient; undefined where the call does not use that kernel.
 * @param beside of the prefix's own attention: the upstream gradient, and where d qkv goes
 */
export function sequenceGradient(
  call: Call<AttentionGradAttrs>,
  beside?: readonly [dout: Tensor, dqkv: Tensor],
): Dispatch | undefined {
  const { attrs, inputs, outputs } = call;
  const [qkv, prefix, , dout] = inputs;
  const besideLength = beside?.[1].shape[1] ?? 0;
  const overrides = sequenceOverrides(call, qkv!, true, besideLength);
  if (!overrides) return undefined;
  const { width, ...uniforms } = sizes(attrs, qkv!);
  const used = overrides.PREFIXED ? prefix : undefined;
  return {
    shader: sequenceShader,
    bindings: {
      qkv,
      prefix: used,
      dout,
      dqkv: attrs.ofOwn ? outputs[0] : undefined,
      dprefix: attrs.ofPrefix ? outputs[1] : undefined,
      beside_dout: beside?.[0],
      beside_dqkv: beside?.[1],
    },
    uniforms: { ...uniforms, beside_length: besideLength },
    overrides: { ...overrides, OWN: attrs.ofOwn, OF_PREFIX: attrs.ofPrefix },
    workgroups: spread((uniforms.sequences + (beside ? 1 : 0)) * uniforms.heads),
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
  const rows = rowKernels(call, length);
  const used = prefix_length > 0 ? prefix : undefined;
  return [
    {
      shader: rows.query,
      bindings: { qkv, prefix: used, dout, statistics, dqkv },
      uniforms,
      overrides: { ...rows.overrides, PREFIXED: prefix_length > 0, SHARED: attrs.source === 'vv' },
      workgroups: spread(rows.workgroups(sequences * heads)),
    },
    keyDispatch(call, { keyRows: undefined, keys: length, dkeys: dqkv! }),
  ];
}

interface RowKernels {
  readonly query: Shader;
  readonly key: Shader;
  readonly overrides: Readonly<Record<string, OverrideValue>>;
  readonly workgroups: (heads: number) => number;
}

/** The kernels of d query and of d key and d value that a call uses, and the workgroups that take `rows` rows of each of so many heads. */
function rowKernels(call: GradCall, rows: number): RowKernels {
  const { head_dim, length } = sizes(call.attrs, call.inputs[0]!);
  const tile = gradientTileRows(call, length, head_dim);
  if (tile > 0)
    return {
      query: queryTileShader,
      key: keyTileShader,
      overrides: { TILE: tile, ALIGNED: head_dim % 4 === 0 },
      workgroups: (heads: number) => heads * Math.ceil(rows / tile),
    };
  const lanes = laneRows(call, head_dim, rows, { backward: true });
  if (lanes)
    return {
      ...lanes.shaders,
      overrides: lanes.overrides,
      workgroups: (heads: number) => heads * Math.ceil(rows / lanes.ofWorkgroup),
    };
  return {
    query: queryShader,
    key: keyShader,
    overrides: codeOverrides(head_dim, call.capabilities),
    workgroups: (heads: number) => Math.ceil((heads * rows) / workgroup),
  };
}

interface Keys {
  /** The prefix; undefined: the sequences' own rows, which are masked if the attention is causal. */
  readonly keyRows: Tensor | undefined;
  /** Key rows of a sequence. */
  readonly keys: number;
  readonly dkeys: Tensor;
}

/** d key and d value of each sequence, of its own rows or of the prefix. */
function keyDispatch(call: GradCall, { keyRows, keys, dkeys }: Keys): Dispatch {
  const { attrs, inputs, outputs } = call;
  const [qkv, , , dout] = inputs;
  const { sequences, length, width, heads, head_dim, causal, scale, columns } = sizes(attrs, qkv!);
  const kernels = rowKernels(call, keys);
  const own = keyRows === undefined;
  const shared = attrs.source === 'vv';
  const rows = keyRows ?? qkv;
  return {
    shader: kernels.key,
    bindings: {
      qkv,
      key_rows: rows,
      dout,
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
      key_stride: own ? length : 0,
      columns,
      dkeys_row: own ? [3 * width, width, 2 * width, 0] : [2 * width, 0, width, 0],
    },
    overrides: {
      ...kernels.overrides,
      SHARED: shared,
      ACCUMULATE: shared && own,
    },
    workgroups: spread(kernels.workgroups(sequences * heads)),
  };
}
