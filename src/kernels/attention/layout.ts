// What the forward and the gradient kernels share: sizes, where rows lie, and the choice between variants.
import { anyHeads } from '#kernels/known-heads';
import type { Capabilities } from '../../gpu/gpu.ts';
import type { Call } from '../op.ts';
import type { TensorSpec } from '../tensor.ts';

export interface AttentionAttrs {
  readonly heads: number;
  /** Query i of a sequence sees its own rows 0..i only (and the whole prefix); default false. */
  readonly causal?: boolean;
  /** 'vv': the values also serve as queries and keys; default 'qk'. */
  readonly source?: 'qk' | 'vv';
  /** Rows of the prefix that precede every sequence; default 0. */
  readonly prefixLength?: number;
}

export const workgroup = 64;

/** The sizes that every shader of this folder takes. */
export function sizes({ heads, causal, source, prefixLength }: AttentionAttrs, qkv: TensorSpec) {
  const [sequences, length, packed] = qkv.shape as [number, number, number];
  const width = packed / 3;
  return {
    sequences,
    length,
    width,
    heads,
    head_dim: width / heads,
    causal: causal ? 1 : 0,
    scale: (width / heads) ** -0.5,
    /** Where query, key and value begin in a row. */
    columns: source === 'vv' ? [2 * width, 2 * width, 2 * width, 0] : [0, width, 2 * width, 0],
    prefix_length: prefixLength ?? 0,
    beside_length: 0,
  };
}

/**
 * What changes the code of kernels without subgroups. A GPU keeps a row in registers only if its size is known; a software
 * adapter has none to spare and compiles the unrolled loops of a large head for seconds.
 */
export const codeOverrides = (headDim: number, { software }: Capabilities) => ({
  ALIGNED: headDim % 4 === 0,
  WORKGROUP: workgroup,
  VECTORS: software && headDim > 32 ? 0 : Math.ceil(headDim / 4),
});

/** Query-key pairs of all sequences and heads, for the costs. */
export function pairs(attrs: AttentionAttrs, qkv: TensorSpec): { own: number; prefix: number } {
  const { sequences, length, heads, prefix_length } = sizes(attrs, qkv);
  return {
    own: sequences * heads * (attrs.causal ? (length * (length + 1)) / 2 : length * length),
    prefix: sequences * heads * length * prefix_length,
  };
}

/**
 * `subgroup`: one row per lane, shared by shuffles, which a software adapter wants (wide vectors, slow loads), not in
 * browsers; `four_rows`: the same, named vector by vector, for heads of some sizes (lane-rows.ts); `direct`: one invocation
 * per row, without subgroups.
 */
const rowVariants = ({ subgroupSize, software }: Capabilities): string[] => {
  const subgroup = anyHeads ? ['subgroup'] : [];
  if (subgroupSize === 0) return ['direct'];
  if (!software) return ['direct', ...subgroup];
  return subgroupSize === 4 ? ['four_rows', ...subgroup, 'direct'] : [...subgroup, 'four_rows', 'direct'];
};

/**
 * Variants that forward and gradient have: besides the ones above `sequence`, one workgroup per short sequence and head,
 * with all of it in workgroup memory, for GPUs.
 */
export const sequenceVariants = (capabilities: Capabilities): string[] =>
  capabilities.software
    ? [...rowVariants(capabilities), 'sequence']
    : ['sequence', ...rowVariants(capabilities)];

/** The kernels with a row to a lane that a call uses, if it uses such. */
export function rowVariant(variant: string | undefined, capabilities: Capabilities): string {
  const variants = rowVariants(capabilities);
  return variant && variants.includes(variant) ? variant : variants[0]!;
}

const sequenceWorkgroup = 128;
/** Bytes of workgroup memory that the kernels of `sequence` are compiled for; shapes share a pipeline. */
const sequenceMemory = [16384, 32768, 49152];

/**
 * Overrides of the `sequence` kernels where a call uses them: it is the variant asked for, or the first of the own
 * choices, and a head of a sequence, and of one beside it of `besideLength` rows, fits the workgroup memory. V-V attention of short sequences occurs in no model.
 */
export function sequenceOverrides(
  { attrs, variant, capabilities }: Pick<Call<AttentionAttrs>, 'attrs' | 'variant' | 'capabilities'>,
  qkv: TensorSpec,
  backward: boolean,
  besideLength = 0,
) {
  if ((variant ?? sequenceVariants(capabilities)[0]) !== 'sequence' || attrs.source === 'vv')
    return undefined;
  const { length, head_dim, prefix_length } = sizes(attrs, qkv);
  const stride = Math.ceil(head_dim / 4) + 1; // vectors
  const poolOf = (rows: number, keys: number) => {
    const grids = rows * Math.ceil(keys / 4);
    // Rows of queries, keys and values, and a grid of scores; backward those of dout and of the scores' gradient besides.
    return backward ? 2 * (rows + keys) * stride + 2 * grids : (rows + 2 * keys) * stride + grids;
  };
  const pool = Math.max(poolOf(length, length + prefix_length), poolOf(besideLength, besideLength));
  const bytes = sequenceMemory.find((memory) => 16 * (pool + sequenceWorkgroup) <= memory);
  if (bytes === undefined || bytes > capabilities.workgroupMemory) return undefined;
  return {
    WORKGROUP: sequenceWorkgroup,
    POOL: bytes / 16 - sequenceWorkgroup,
    ALIGNED: head_dim % 4 === 0,
    PREFIXED: prefix_length > 0,
    BESIDE: besideLength > 0,
  };
}
