// The kernels for long sequences on a GPU: forward, of one attention or of both that share their values, and backward.
import type { Capabilities } from '../../gpu/gpu.ts';
import { spread } from '../grid.ts';
import type { Call, Dispatch } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import shader from './attention_tile.wgsl';
import { type AttentionAttrs, sequenceVariants, sizes } from './layout.ts';

/** A workgroup's own rows, and the bytes of workgroup memory that it then takes; the largest that an adapter has room for. */
interface Tile {
  readonly rows: number;
  readonly bytes: number;
}
const forwardTiles: readonly Tile[] = [
  { rows: 64, bytes: 37632 },
  { rows: 32, bytes: 23168 },
];
/** Of d key and d value, which take more than d query. */
const gradientTiles: readonly Tile[] = [
  { rows: 32, bytes: 44032 },
  { rows: 16, bytes: 30720 },
];
const rowsOf = (tiles: readonly Tile[], { workgroupMemory }: Capabilities): number =>
  tiles.find(({ bytes }) => bytes <= workgroupMemory)?.rows ?? 0;

/**
 * Variants of the forward: besides those that forward and gradient have `tile` (workgroup memory), for sequences on a GPU
 * that are too long for `sequence`; a software adapter's workgroup memory is no faster.
 */
export const forwardVariants = (capabilities: Capabilities): string[] => {
  const others = sequenceVariants(capabilities);
  return rowsOf(forwardTiles, capabilities) === 0 ? others : [...others, 'tile'];
};

/** Variants of the gradient: the same. */
export const gradientVariants = (capabilities: Capabilities): string[] => {
  const others = sequenceVariants(capabilities);
  return rowsOf(gradientTiles, capabilities) === 0 ? others : [...others, 'tile'];
};

/** Own rows of a gradient's tiles; 0 where a gradient that does not use `sequence` does not go by tiles. They hold heads of at most 64. */
export const gradientTileRows = (
  { capabilities, variant }: Pick<Call<unknown>, 'capabilities' | 'variant'>,
  length: number,
  headDim: number,
): number => {
  if (headDim > 64) return 0;
  const wanted = variant === undefined ? !capabilities.software && length > 16 : variant === 'tile';
  return wanted ? rowsOf(gradientTiles, capabilities) : 0;
};

/** With few queries most of a tile would be empty. */
export const usesTiles = (
  { capabilities, variant }: Pick<Call<unknown>, 'capabilities' | 'variant'>,
  length: number,
): boolean =>
  forwardVariants(capabilities).includes('tile') &&
  (variant === undefined ? !capabilities.software && length > 32 : variant === 'tile');

/** Queries of a workgroup of the forward; 0: the adapter has too little workgroup memory. */
export const tileRows = (capabilities: Capabilities): number => rowsOf(forwardTiles, capabilities);

/** Results of an attention, and where there are two those of the V-V attention of the same rows. */
export type TileOutputs = readonly [out: Tensor, lse: Tensor, outVv?: Tensor, lseVv?: Tensor];

export function tileDispatch(
  capabilities: Capabilities,
  attrs: AttentionAttrs,
  [qkv, prefix]: readonly (Tensor | undefined)[],
  [out, lse, out_vv, lse_vv]: TileOutputs,
): Dispatch {
  const { width, ...uniforms } = sizes(attrs, qkv!);
  const { sequences, length, heads, head_dim, prefix_length } = uniforms;
  const used = prefix_length > 0 ? prefix : undefined;
  const queries = tileRows(capabilities);
  const tiles = sequences * heads * Math.ceil(length / queries);
  return {
    shader,
    bindings: { qkv, prefix: used, out, lse, out_vv, lse_vv },
    uniforms,
    overrides: {
      QUERIES: queries,
      VECTORS: Math.ceil(head_dim / 4),
      ALIGNED: head_dim % 4 === 0,
      PREFIXED: prefix_length > 0,
      PAIR: out_vv !== undefined,
    },
    workgroups: spread(out_vv ? 2 * tiles : tiles),
  };
}
