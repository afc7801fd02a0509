// The kernel for long sequences on a GPU, of one attention or of both that share their values.
import type { Capabilities } from '../../gpu/gpu.ts';
import { spread } from '../grid.ts';
import type { Call, Dispatch } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import shader from './attention_tile.wgsl';
import { type AttentionAttrs, sequenceVariants, sizes } from './layout.ts';

/** Bytes of workgroup memory that the kernel takes. */
const tileMemory = 37632;

/**
 * Variants of the forward: besides those that forward and gradient have `tile` (workgroup memory), for sequences on a GPU
 * that are too long for `sequence`; a software adapter's workgroup memory is no faster.
 */
export const forwardVariants = (capabilities: Capabilities): string[] => {
  const others = sequenceVariants(capabilities);
  return capabilities.workgroupMemory < tileMemory ? others : [...others, 'tile'];
};

/** With few queries most of a tile would be empty. */
export const usesTiles = (
  { capabilities, variant }: Pick<Call<unknown>, 'capabilities' | 'variant'>,
  length: number,
): boolean =>
  variant === undefined
    ? !capabilities.software &&
      length > shader.constants.QUERIES! / 2 &&
      forwardVariants(capabilities).includes('tile')
    : variant === 'tile';

/** Results of an attention, and where there are two those of the V-V attention of the same rows. */
export type TileOutputs = readonly [out: Tensor, lse: Tensor, outVv?: Tensor, lseVv?: Tensor];

export function tileDispatch(
  attrs: AttentionAttrs,
  [qkv, prefix]: readonly (Tensor | undefined)[],
  [out, lse, out_vv, lse_vv]: TileOutputs,
): Dispatch {
  const { width, ...uniforms } = sizes(attrs, qkv!);
  const { sequences, length, heads, head_dim, prefix_length } = uniforms;
  const used = prefix_length > 0 ? prefix : undefined;
  const tiles = sequences * heads * Math.ceil(length / shader.constants.QUERIES!);
  return {
    shader,
    bindings: { qkv, qkv4: qkv, prefix: used, prefix4: used, out, lse, out_vv, lse_vv },
    uniforms,
    overrides: {
      VECTORS: Math.ceil(head_dim / 4),
      ALIGNED: head_dim % 4 === 0,
      PREFIXED: prefix_length > 0,
      PAIR: out_vv !== undefined,
    },
    workgroups: spread(out_vv ? 2 * tiles : tiles),
  };
}
